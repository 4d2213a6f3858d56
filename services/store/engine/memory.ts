import type { Random } from "../../core/ports/random.js";
import type { Clock } from "../../core/ports/clock.js";
import { LogEngine } from "./log/log-engine.js";
import { LogIndex } from "./log/log-index.js";
import { segmentBytesMax } from "./log/segments.js";

/** How a memory engine is opened. */
export interface MemoryEngineOptions {
  readonly clock: Clock;
  readonly random: Random;
  /**
   * Most bytes of live keys and records, their headers and index included. A batch that grows beyond it is refused with
   * `RESOURCE_EXHAUSTED`; one that shrinks never is. Default: no limit.
   */
  readonly bytesMax?: number;
}

/** Least bytes of a segment, and its share of the live data: a store that holds little takes little. */
const segmentBytesMin = 65_536;
const segmentShare = 1 / 8;
/** Without files, garbage costs memory: it is cleaned sooner than on a disk. */
const bounds = { ratio: 1.3, slackBytes: 1_048_576 };

function segmentBytesFor(liveBytes: number): number {
  const wanted = Math.floor(liveBytes * segmentShare) & ~7;
  return Math.min(segmentBytesMax, Math.max(segmentBytesMin, wanted));
}

/**
 * Opens an empty {@link LogEngine} without files: for cache-only clusters and the simulator. Nothing survives its
 * process.
 */
export function openMemoryEngine({ clock, random, bytesMax }: MemoryEngineOptions): LogEngine {
  const index = new LogIndex(Number.parseInt(random.hex(4), 16));
  return new LogEngine({
    name: "memory",
    folder: undefined,
    durability: "commit",
    clock,
    random,
    index,
    space: undefined,
    bounds,
    segmentBytes: () => segmentBytesFor(index.liveBytes),
    memoryBytesMax: Infinity,
    liveBytesMax: bytesMax ?? Infinity,
    checkpointBytes: Infinity,
    replayed: undefined,
  });
}
