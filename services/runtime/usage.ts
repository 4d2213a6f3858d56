import { monitorEventLoopDelay } from "node:perf_hooks";

/** What a process uses of its machine. */
export interface ProcessUsage {
  /** Begins to watch the event loop. */
  start(): void;
  stop(): void;
  /** The event loop's delay since it was asked last, 99th percentile, in milliseconds. */
  eventLoopDelayP99Ms(): number;
  residentBytes(): number;
}

/** How often the event loop is asked how late it is, in milliseconds: each time wakes an idle process. */
const samplingMs = 100;

/** What this process uses. */
export function processUsage(): ProcessUsage {
  const intervals = monitorEventLoopDelay({ resolution: samplingMs });
  return {
    start: () => void intervals.enable(),
    stop: () => void intervals.disable(),
    eventLoopDelayP99Ms: () => {
      // What is recorded is the time between two samples, the wait that was asked for included.
      const delayMs = intervals.percentile(99) / 1e6 - samplingMs;
      intervals.reset();
      return Math.max(delayMs, 0);
    },
    residentBytes: () => process.memoryUsage.rss(),
  };
}
