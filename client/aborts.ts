import type { PendingCall } from "./pending-call.js";

interface Watched {
  readonly calls: Set<PendingCall>;
  readonly listener: () => void;
}

/** Calls that their callers may give up. Calls that share a signal share one listener on it, for as long as any is open. */
export class Aborts {
  readonly #aborted: (call: PendingCall) => void;
  readonly #watched = new Map<AbortSignal, Watched>();

  constructor(aborted: (call: PendingCall) => void) {
    this.#aborted = aborted;
  }

  add(call: PendingCall, signal: AbortSignal): void {
    call.signal = signal;
    const known = this.#watched.get(signal);
    if (known) {
      known.calls.add(call);
      return;
    }
    const calls = new Set([call]);
    const listener = (): void => {
      for (const open of calls) this.#aborted(open);
    };
    this.#watched.set(signal, { calls, listener });
    signal.addEventListener("abort", listener);
  }

  remove(call: PendingCall): void {
    const { signal } = call;
    const watched = signal && this.#watched.get(signal);
    if (watched === undefined) return;
    watched.calls.delete(call);
    if (watched.calls.size > 0) return;
    this.#watched.delete(signal as AbortSignal);
    signal?.removeEventListener("abort", watched.listener);
  }
}
