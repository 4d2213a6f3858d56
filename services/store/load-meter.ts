import type { Clock } from "../core/ports/clock.js";
import type { Partition } from "../core/store/partition.js";
import type { StoreLoad } from "../gen/elastickv/v1/master.js";
import type { ProcessUsage } from "../runtime/usage.js";

/** Calls since a store's start, and how late it is with its expired keys. */
export interface StoreWork {
  readonly reads: number;
  readonly writes: number;
  /** In milliseconds; see {@link ExpirySweep.lagMs}. */
  readonly expiryLagMs: number;
}

/** Measures what heartbeats report: rates since the last report, sizes, the event loop's delay. */
export class LoadMeter {
  readonly #clock: Clock;
  readonly #usage: ProcessUsage;
  #measuredMs: number;
  #reads = 0;
  #writes = 0;

  constructor(clock: Clock, usage: ProcessUsage) {
    this.#clock = clock;
    this.#measuredMs = clock.nowMs();
    this.#usage = usage;
  }

  start(): void {
    this.#usage.start();
  }

  stop(): void {
    this.#usage.stop();
  }

  measure(owned: readonly Partition[], { reads, writes, expiryLagMs }: StoreWork): StoreLoad {
    const nowMs = this.#clock.nowMs();
    const seconds = Math.max((nowMs - this.#measuredMs) / 1000, 0.001);
    const load: StoreLoad = {
      keys: sum(owned, (partition) => partition.digest.keys),
      bytes: sum(owned, (partition) => partition.digest.bytes),
      readsPerSecond: (reads - this.#reads) / seconds,
      writesPerSecond: (writes - this.#writes) / seconds,
      partitions: owned.map(({ id, digest }) => ({ partition: id, keys: digest.keys, bytes: digest.bytes })),
      eventLoopDelayP99Ms: this.#usage.eventLoopDelayP99Ms(),
      residentBytes: this.#usage.residentBytes(),
      expiryLagMs: Math.round(expiryLagMs),
    };
    this.#measuredMs = nowMs;
    this.#reads = reads;
    this.#writes = writes;
    return load;
  }
}

function sum(partitions: readonly Partition[], of: (partition: Partition) => number): number {
  return partitions.reduce((total, partition) => total + of(partition), 0);
}
