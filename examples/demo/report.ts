import {
  mergePauses,
  noPauses,
  type PauseHistogram,
  type PauseSummary,
  summarizePauses,
} from "../../services/core/pause-histogram.js";
import type { Finding } from "./findings.js";
import type { LatencySummary, Phase } from "./latency.js";
import type { VerificationSummary } from "./verification.js";

/** How the keys are spread over the stores. */
export interface Balance {
  readonly stores: readonly {
    readonly storeId: string;
    readonly keys: number;
    readonly partitions: number;
  }[];
  /** Keys of the fullest store divided by the mean; 1 is perfect. */
  readonly maxOverMean: number;
  /** The same for partitions, which is what the master balances. */
  readonly partitionsMaxOverMean: number;
}

/** What one change of the cluster did. */
export interface StepSummary {
  readonly step: "add" | "remove";
  readonly storeId: string;
  readonly seconds: number;
  readonly moves: number;
  /** The fewest partitions that had to move. */
  readonly movesMinimum: number;
  readonly keysMoved: number;
  /** Keys that the fewest partitions hold on average. */
  readonly keysMinimum: number;
  readonly bytesMoved: number;
  readonly balance: Balance;
  /** How long each hand-off made the calls of its one partition wait. */
  readonly pauses: PauseHistogram;
}

/** What a run has to tell. */
export interface RunResults {
  readonly seed: number;
  readonly data: { readonly cities: number; readonly words: number; readonly keys: number };
  readonly clients: number;
  readonly readFraction: number;
  /** Undefined when the import did not end. */
  readonly imported: { readonly seconds: number; readonly keysPerSecond: number } | undefined;
  readonly steps: readonly StepSummary[];
  readonly latency: Readonly<Record<Phase, LatencySummary>>;
  /** Undefined when the run did not come so far. */
  readonly verification: VerificationSummary | undefined;
  readonly calls: {
    readonly total: number;
    readonly byKind: Readonly<Record<string, number>>;
    /** Times that the SDK sent a call, which had not been executed, once more, unnoticed by its caller. */
    readonly retries: number;
    /** Of these, because the key had moved. */
    readonly redirects: number;
    readonly failures: number;
    readonly wrongAnswers: number;
  };
  /** The first of each. */
  readonly failures: readonly Finding[];
  readonly wrongAnswers: readonly Finding[];
  /** What kept the run from its end: an operation that failed, the time that was up. */
  readonly problems: readonly string[];
  readonly seconds: number;
}

/** A run's results with what follows from them. */
export interface Report extends RunResults {
  /** No call failed, no answer was wrong, and the run came to its end. */
  readonly ok: boolean;
  readonly moved: {
    readonly moves: number;
    readonly movesMinimum: number;
    readonly movesOverMinimum: number;
    readonly keys: number;
    readonly keysMinimum: number;
    readonly keysOverMinimum: number;
    readonly keysPerSecond: number;
  };
  /** How long the calls of one partition waited at its store for its hand-off; of all moves. */
  readonly handoffPauses: PauseSummary;
}

/** The balance of stores with these keys and partitions. */
export function balanceOf(stores: Balance["stores"]): Balance {
  return {
    stores: [...stores].sort((a, b) => (a.storeId < b.storeId ? -1 : 1)),
    maxOverMean: maxOverMean(stores.map((store) => store.keys)),
    partitionsMaxOverMean: maxOverMean(stores.map((store) => store.partitions)),
  };
}

/** The report of a run. */
export function reportOf(results: RunResults): Report {
  const { steps, calls, problems } = results;
  const sum = (of: (step: StepSummary) => number): number =>
    steps.reduce((total, step) => total + of(step), 0);
  const moves = sum((step) => step.moves);
  const movesMinimum = sum((step) => step.movesMinimum);
  const keys = sum((step) => step.keysMoved);
  const keysMinimum = sum((step) => step.keysMinimum);
  const seconds = sum((step) => step.seconds);
  return {
    ok: calls.failures === 0 && calls.wrongAnswers === 0 && problems.length === 0,
    ...results,
    moved: {
      moves,
      movesMinimum,
      movesOverMinimum: ratio(moves, movesMinimum),
      keys,
      keysMinimum,
      keysOverMinimum: ratio(keys, keysMinimum),
      keysPerSecond: seconds > 0 ? keys / seconds : 0,
    },
    handoffPauses: summarizePauses(steps.map(({ pauses }) => pauses).reduce(mergePauses, noPauses)),
  };
}

function maxOverMean(values: readonly number[]): number {
  const total = values.reduce((sum, value) => sum + value, 0);
  return total === 0 ? 1 : (Math.max(...values) * values.length) / total;
}

/** 1 when there was nothing to do and nothing was done. */
function ratio(actual: number, least: number): number {
  return least === 0 ? 1 + actual : actual / least;
}
