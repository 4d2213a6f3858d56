import { EkvError } from "../core/errors.js";
import type { OperationId } from "../core/ids.js";
import type { OperationView } from "../core/master/state/committed-view.js";
import type { Clock } from "../core/ports/clock.js";

/** Progress of one operation is told this often at most. */
const progressIntervalMs = 100;

/** What a watcher of an operation works with. */
export interface OperationWatch {
  readonly operationId: OperationId;
  readonly signal: AbortSignal;
  /** The operation as committed. */
  read(): OperationView | undefined;
  /** Resolves when it can take more. */
  send(view: OperationView): Promise<void>;
}

/** Tells watchers of operations what changes, without a queue: each is sent the newest when it is ready. */
export class OperationFeed {
  readonly #clock: Clock;
  readonly #waiting = new Map<OperationId, Set<() => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  changed(operationIds: ReadonlySet<OperationId>): void {
    for (const id of operationIds) {
      const waiting = [...(this.#waiting.get(id) ?? [])];
      this.#waiting.delete(id);
      for (const wake of waiting) wake();
    }
  }

  /** Sends the operation now and at its changes, until it ends or the signal aborts. Throws NOT_FOUND. */
  async watch(watch: OperationWatch): Promise<void> {
    const { operationId, signal } = watch;
    while (!signal.aborted) {
      const view = watch.read();
      if (view === undefined) {
        throw new EkvError("NOT_FOUND", `there is no operation ${JSON.stringify(operationId)}`);
      }
      const sentAtMs = this.#clock.nowMs();
      await watch.send(view);
      if (view.operation.stage.kind === "finished") return;
      if (sameView(watch.read(), view)) await this.#change(operationId, signal);
      await this.#pause(sentAtMs + progressIntervalMs - this.#clock.nowMs(), signal);
    }
  }

  #change(operationId: OperationId, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(operationId) ?? new Set();
      this.#waiting.set(operationId, waiting);
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        waiting.delete(wake);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    if (delayMs <= 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = this.#clock.setTimer(delayMs, done);
      signal.addEventListener("abort", done);
    });
  }
}

/** Whether nothing was committed between two readings. */
function sameView(a: OperationView | undefined, b: OperationView): boolean {
  return (
    a?.operation === b.operation &&
    a.keysMoved === b.keysMoved &&
    a.moves.length === b.moves.length &&
    a.moves.every((move, i) => move === b.moves[i])
  );
}
