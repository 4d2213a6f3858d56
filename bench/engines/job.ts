import type { LatencySummary } from "../load/latency.js";
import type { EngineKind } from "./open-engine.js";

/** An engine with data, in a process of its own. */
export interface EngineData {
  readonly engine: EngineKind;
  /** Where the build that it belongs to was compiled to. */
  readonly dist: string;
  readonly folder: string;
  readonly keys: number;
  readonly valueBytes: number;
  readonly partitions: number;
  readonly seed: number;
}

/** What an engine process is to do. */
export type EngineJob =
  /** Fills an empty engine and measures what each operation costs. */
  | (EngineData & { readonly kind: "costs"; readonly operations: number })
  /**
   * Fills an empty engine, and measures reads before and while old data is cleaned away: that begins when there is as much
   * garbage as data, and `slackBytes`.
   */
  | (EngineData & { readonly kind: "reads"; readonly turns: number; readonly slackBytes: number })
  /** Fills an empty engine and waits to be killed. */
  | (EngineData & { readonly kind: "fill" })
  /** Opens an engine that has data, and closes it. */
  | (EngineData & { readonly kind: "open" });

/** CPU time of all threads, in microseconds for one record; of a get, for one get. */
export interface EngineCosts {
  readonly getUs: number;
  readonly getAfterWritesUs: number;
  readonly commit1Us: number;
  readonly commit5Us: number;
  readonly commit50Us: number;
  readonly ingestUs: number;
  readonly scanUs: number;
  readonly dropUs: number;
  /** By which the process grew while it was filled. */
  readonly residentBytesPerKey: number;
}

/** How long reads waited. */
export interface EngineReads {
  readonly calm: LatencySummary;
  readonly cleaning: LatencySummary;
}

/** What an open took. */
export interface EngineStart {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** By which the process grew. */
  readonly residentBytesPerKey: number;
}
