import { cpuMs } from "../processes/process-usage.js";
import type { OperationKind } from "../workload/workload.js";
import type { RunResult } from "./job.js";
import { LatencyRecorder } from "./latency.js";
import type { CallRecorder } from "./recorder.js";

interface Reading {
  readonly atMs: number;
  readonly clientCpuMs: number;
  readonly serverCpuMs: number;
}

/** Counts and times the operations of a run; what came before `begin` is left out. */
export class Meter implements CallRecorder {
  readonly #serverPids: readonly number[];
  readonly #latencies = new LatencyRecorder();
  #operations = 0;
  #failures = 0;
  #firstFailure: string | null = null;
  #begun: Reading;

  constructor(serverPids: readonly number[]) {
    this.#serverPids = serverPids;
    this.#begun = this.#read();
  }

  /** Ended since `begin`; before it, since the start. */
  get operations(): number {
    return this.#operations;
  }

  succeeded(kind: OperationKind, latencyMs: number): void {
    this.#operations += 1;
    this.#latencies.record(kind, latencyMs);
  }

  failed(error: unknown): void {
    this.#failures += 1;
    this.#firstFailure ??= String(error);
  }

  begin(): void {
    this.#operations = 0;
    this.#latencies.reset();
    this.#begun = this.#read();
  }

  /** What was measured since `begin`. Failures count from the very start: there must be none in the warm-up either. */
  end(): RunResult {
    const begun = this.#begun;
    const ended = this.#read();
    const operations = this.#operations;
    const seconds = (ended.atMs - begun.atMs) / 1000;
    const perOperation = 1000 / Math.max(1, operations);
    return {
      operations,
      operationsPerSecond: operations / seconds,
      seconds,
      failures: this.#failures,
      firstFailure: this.#firstFailure,
      clientCpuUs: (ended.clientCpuMs - begun.clientCpuMs) * perOperation,
      serverCpuUs: (ended.serverCpuMs - begun.serverCpuMs) * perOperation,
      all: this.#latencies.all(),
      kinds: this.#latencies.kinds(),
    };
  }

  #read(): Reading {
    const { user, system } = process.cpuUsage();
    let serverCpuMs = 0;
    for (const pid of this.#serverPids) serverCpuMs += cpuMs(pid);
    return { atMs: performance.now(), clientCpuMs: (user + system) / 1000, serverCpuMs };
  }
}
