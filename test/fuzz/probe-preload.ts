/** Loaded into the processes under fuzz: on SIGUSR2, collects garbage and prints what memory is left. */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Anonymous memory alone: what the master's LMDB maps of its file comes and goes with the page cache. */
function anonymousBytes(): number {
  const line = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
  return Number(line?.[1] ?? 0) * 1024;
}

process.on("SIGUSR2", () => {
  collect();
  setImmediate(() => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    process.stdout.write(`memory ${JSON.stringify({ anonymous: anonymousBytes(), heapUsed, external })}\n`);
  });
});
