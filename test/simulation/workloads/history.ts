import type { CallAction, CallOutcome, HistoryCall } from "../../support/linearizability.js";
import { EkvError } from "../../../services/core/errors.js";
import type { World } from "../world/world.js";

interface OpenCall {
  readonly client: string;
  readonly key: string;
  readonly action: CallAction;
  readonly beganAt: number;
  readonly terms: CallTerms;
}

/** What is special about a call. */
export interface CallTerms {
  /** Of a put: how long its value lives, in milliseconds. Default: for ever. */
  readonly ttlMs?: number;
  /** Codes with which it may fail, and then counts for nothing, beside those that every call may fail with. */
  readonly excused?: readonly string[];
}

/** What the wall clocks of the stores may say. */
export interface ClockBounds {
  /** Of the slowest and the fastest machine, relative to the world's. */
  readonly rateMin: number;
  readonly rateMax: number;
  /** They may also be set to anything. */
  readonly areSet: boolean;
}

/** Wall clocks tell whole milliseconds. */
const clockStepUs = 1000;

/** Failures by what they mean to a caller. */
export interface CallCounts {
  answered: number;
  refused: number;
  unknown: number;
}

/** What all clients did, and saw. */
export class History {
  readonly #world: World;
  readonly #clocks: () => ClockBounds;
  readonly #ended: HistoryCall[] = [];
  readonly #open = new Set<OpenCall>();
  readonly counts: CallCounts = { answered: 0, refused: 0, unknown: 0 };
  /** Errors that no fault excuses. */
  readonly surprises: string[] = [];

  constructor(world: World, clocks: () => ClockBounds) {
    this.#world = world;
    this.#clocks = clocks;
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
    terms: CallTerms = {},
  ): Promise<T | undefined> {
    const open: OpenCall = { client, key, action, beganAt: this.#world.nowUs, terms };
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
      .map((call) => this.#asHistory(call, { kind: "unknown" }, Infinity));
    return [...this.#ended, ...lost];
  }

  /** Forgets which calls of a client are open: its process is gone. */
  abandon(client: string): void {
    for (const call of this.#open) {
      if (call.client !== client) continue;
      this.#open.delete(call);
      if (call.action.kind === "get") continue;
      this.#ended.push(this.#asHistory(call, { kind: "unknown" }, Infinity));
    }
  }

  /** With when a value of limited life goes away, by what the clocks of the machines may say. */
  #asHistory(
    { client, key, action, beganAt, terms }: OpenCall,
    outcome: CallOutcome,
    endedAt: number,
  ): HistoryCall {
    const call = { client, key, action, outcome, beganAt, endedAt };
    if (action.kind !== "put" || terms.ttlMs === undefined) return call;
    const ttlUs = terms.ttlMs * 1000;
    const { rateMin, rateMax, areSet } = this.#clocks();
    const isKnown = outcome.kind === "written" && !areSet;
    const expiry = {
      earliest: areSet ? beganAt : (rateMin * beganAt + ttlUs - clockStepUs) / rateMax,
      latest: isKnown ? (rateMax * endedAt + ttlUs + clockStepUs) / rateMin : Infinity,
    };
    return { ...call, action: { ...action, expiry } };
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
      this.counts.unknown += Number(open.terms.excused === undefined);
      this.#end(open, { kind: "unknown" });
    } else {
      this.counts.refused += Number(open.terms.excused === undefined);
      this.#open.delete(open);
    }
    const expected = [
      "OUTCOME_UNKNOWN",
      "DEADLINE_EXCEEDED",
      "UNAVAILABLE",
      "RESOURCE_EXHAUSTED",
      "CANCELLED",
      ...(open.terms.excused ?? []),
    ];
    if (!expected.includes(error.code) && !/simulated disk/.test(error.message)) {
      this.surprises.push(`${open.client} ${open.action.kind} ${open.key}: ${error.code} ${error.message}`);
    }
  }

  #end(open: OpenCall, outcome: CallOutcome): void {
    if (!this.#open.delete(open)) return;
    this.#ended.push(this.#asHistory(open, outcome, this.#world.nowUs));
  }
}
