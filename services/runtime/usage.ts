import { monitorEventLoopDelay } from "node:perf_hooks";

/** What a process uses of its machine. */
export interface ProcessUsage {
  /** Begins to watch the event loop. */
  start(): void;
  stop(): void;
  /** The event loop's delay since it was asked last, 99th percentile, in milliseconds. */
  eventLoopDelayP99Ms(): number;
  /** Memory that the process has in use; the last known when the system cannot say, for lack of file descriptors. */
  residentBytes(): number;
}

/** How often the event loop is asked how late it is, in milliseconds: each time wakes an idle process. */
const samplingMs = 100;

/** What this process uses. */
export function processUsage(): ProcessUsage {
  let residentBytes = 0;
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
    residentBytes: () => {
      try {
        residentBytes = process.memoryUsage.rss();
      } catch {
        // It reads a file of /proc, and so throws EMFILE.
      }
      return residentBytes;
    },
  };
}
