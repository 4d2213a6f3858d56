import type { CallAction, CallOutcome, HistoryCall } from "../../support/linearizability.js";
import { EkvError } from "../../../services/core/errors.js";
import type { World } from "../world/world.js";

interface OpenCall {
  readonly client: string;
  readonly key: string;
  readonly action: CallAction;
  readonly beganAt: number;
}

/** Failures by what they mean to a caller. */
export interface CallCounts {
  answered: number;
  refused: number;
  unknown: number;
}

/** What all clients did, and saw. */
export class History {
  readonly #world: World;
  readonly #ended: HistoryCall[] = [];
  readonly #open = new Set<OpenCall>();
  readonly counts: CallCounts = { answered: 0, refused: 0, unknown: 0 };
  /** Errors that no fault excuses. */
  readonly surprises: string[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** Calls that have begun and not ended. */
  get open(): number {
    return this.#open.size;
  }

  /** Records a call from its beginning to its end; the result, or undefined when it failed. */
  async record<T>(
    client: string,
    key: string,
    action: CallAction,
    call: Promise<T>,
    outcomeOf: (result: T) => CallOutcome,
  ): Promise<T | undefined> {
    const open: OpenCall = { client, key, action, beganAt: this.#world.nowUs };
    this.#open.add(open);
    try {
      const result = await call;
      this.counts.answered += 1;
      this.#end(open, outcomeOf(result));
      return result;
    } catch (error) {
      this.#failed(open, error);
      return undefined;
    }
  }

  /** The calls of a process that died stay open for ever: they may have happened. */
  calls(): readonly HistoryCall[] {
    const lost = [...this.#open]
      .filter(({ action }) => action.kind !== "get")
      .map((call): HistoryCall => ({ ...call, outcome: { kind: "unknown" }, endedAt: Infinity }));
    return [...this.#ended, ...lost];
  }

  /** Forgets which calls of a client are open: its process is gone. */
  abandon(client: string): void {
    for (const call of this.#open) {
      if (call.client !== client) continue;
      this.#open.delete(call);
      if (call.action.kind === "get") continue;
      this.#ended.push({ ...call, outcome: { kind: "unknown" }, endedAt: Infinity });
    }
  }

  #failed(open: OpenCall, error: unknown): void {
    if (!(error instanceof EkvError)) {
      this.surprises.push(`${open.client} ${open.action.kind} ${open.key}: ${String(error)}`);
      this.#end(open, { kind: "unknown" });
      return;
    }
    if (error.code === "CONDITION_FAILED") {
      this.counts.answered += 1;
      return this.#end(open, { kind: "condition-failed" });
    }
    const mayBeDone = open.action.kind !== "get" && !error.notExecuted;
    if (mayBeDone) {
      this.counts.unknown += 1;
      this.#end(open, { kind: "unknown" });
    } else {
      this.counts.refused += 1;
      this.#open.delete(open);
    }
    const expected = [
      "OUTCOME_UNKNOWN",
      "DEADLINE_EXCEEDED",
      "UNAVAILABLE",
      "RESOURCE_EXHAUSTED",
      "CANCELLED",
    ];
    if (!expected.includes(error.code) && !/simulated disk/.test(error.message)) {
      this.surprises.push(`${open.client} ${open.action.kind} ${open.key}: ${error.code} ${error.message}`);
    }
  }

  #end(open: OpenCall, outcome: CallOutcome): void {
    if (!this.#open.delete(open)) return;
    this.#ended.push({ ...open, outcome, endedAt: this.#world.nowUs });
  }
}
