import type { CallAction, CallOutcome, HistoryCall } from "../support/linearizability.js";

/** A call has begun. */
export interface CallBegin {
  readonly kind: "begin";
  readonly id: number;
  readonly key: string;
  readonly action: CallAction;
  /** Milliseconds of the machine's monotonic clock, which its processes share. */
  readonly atMs: number;
}

/** A call has ended, with an outcome or with an error that says that it had no effect. */
export interface CallEnd {
  readonly kind: "end";
  readonly id: number;
  readonly outcome: CallOutcome | undefined;
  /** Code and message of the error, if there was one. */
  readonly error?: { readonly code: string; readonly message: string };
  /** Of a get or put that told it. */
  readonly version?: string;
  readonly atMs: number;
}

/** What a client tells of its calls, each before it is made and after it was answered. */
export type CallEvent = CallBegin | CallEnd;

/** Where a client's events go. */
export type CallRecorder = (event: CallEvent) => void;

/** Milliseconds of the machine's monotonic clock. */
export function machineNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A call that ended with an error. */
export interface CallFailure {
  readonly client: string;
  readonly call: CallBegin;
  readonly code: string;
  readonly message: string;
  readonly endedAtMs: number;
}

/** What one client saw. */
export class ClientHistory {
  readonly client: string;
  readonly failures: CallFailure[] = [];
  /** Version seen with each value. */
  readonly versions: (readonly [value: string, version: string])[] = [];
  readonly #open = new Map<number, CallBegin>();
  readonly #calls: HistoryCall[] = [];
  #answered = 0;

  constructor(client: string) {
    this.client = client;
  }

  /** Calls that were answered, with whatever. */
  get answered(): number {
    return this.#answered;
  }

  /** Calls that were begun and not answered. */
  get unanswered(): number {
    return this.#open.size;
  }

  /** Takes the next event of the client. */
  readonly record = (event: CallEvent): void => {
    if (event.kind === "begin") {
      this.#open.set(event.id, event);
      return;
    }
    const call = this.#open.get(event.id);
    if (call === undefined) throw new Error(`${this.client} ended call ${event.id}, which it never began`);
    this.#open.delete(event.id);
    this.#answered += 1;
    const { outcome, error, version, atMs } = event;
    if (error) this.failures.push({ client: this.client, call, ...error, endedAtMs: atMs });
    if (outcome) this.#calls.push(this.#asHistory(call, outcome, atMs));
    const value = call.action.kind === "put" ? call.action.value : outcome?.kind === "value" && outcome.value;
    if (version !== undefined && typeof value === "string") this.versions.push([value, version]);
  };

  /** Every call; writes that were never answered have an unknown outcome. */
  calls(): HistoryCall[] {
    const lost = [...this.#open.values()]
      .filter(({ action }) => action.kind !== "get")
      .map((call) => this.#asHistory(call, { kind: "unknown" }, Infinity));
    return [...this.#calls, ...lost];
  }

  #asHistory({ key, action, atMs }: CallBegin, outcome: CallOutcome, endedAt: number): HistoryCall {
    return { client: this.client, key, action, outcome, beganAt: atMs, endedAt };
  }
}

/** Values that were seen with more than one version: each is written once, so its version never changes. */
export function findChangedVersions(histories: readonly ClientHistory[]): string[] {
  const known = new Map<string, string>();
  const changed = new Set<string>();
  for (const { versions } of histories) {
    for (const [value, version] of versions) {
      if ((known.get(value) ?? version) !== version) changed.add(value);
      known.set(value, version);
    }
  }
  return [...changed];
}
