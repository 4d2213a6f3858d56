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

/** What this process uses. */
export function processUsage(): ProcessUsage {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  return {
    start: () => void delay.enable(),
    stop: () => void delay.disable(),
    eventLoopDelayP99Ms: () => {
      const milliseconds = delay.percentile(99) / 1e6;
      delay.reset();
      return milliseconds;
    },
    residentBytes: () => process.memoryUsage.rss(),
  };
}
