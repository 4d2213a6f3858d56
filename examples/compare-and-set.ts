// Many workers count on one key. With a cluster running: node dist/examples/compare-and-set.js [host:port [workers [increments]]]
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, codecs, connect, EkvError } from "elastic-kv";

const [seed = "127.0.0.1:7400", workers = "20", increments = "10"] = process.argv.slice(2);
const key = "compare-and-set:counter";
/** Longest wait between two attempts, in milliseconds. */
const waitMsMax = 200;

/** Adds one to a counter. Repeats until nobody has written between the read and the write. */
async function increment(counters: Client<number>): Promise<number> {
  for (let failures = 1; ; failures += 1) {
    const entry = await counters.getEntry(key);
    const next = (entry?.value ?? 0) + 1;
    try {
      await counters.put(key, next, entry ? { ifVersion: entry.version } : { ifAbsent: true });
      return failures;
    } catch (error) {
      if (!(error instanceof EkvError) || error.code !== "CONDITION_FAILED") throw error;
      // The writes to the key's partition that came in between tell how many others try: the more, the longer the wait.
      // It is random, so that those who failed together do not come back together.
      const writesMissed = Math.max(1, (error.current?.seq ?? 0) - (entry?.version.seq ?? 0));
      const longestMs = Math.min(waitMsMax, 2 * Math.max(writesMissed, 2 ** Math.min(failures, 10)));
      await sleep(randomInt(1, longestMs + 1));
    }
  }
}

const client = await connect({ seeds: [seed], codec: codecs.json<number>() });
try {
  const before = (await client.get(key)) ?? 0;
  const startMs = performance.now();
  const attempts = await Promise.all(
    Array.from({ length: Number(workers) }, async () => {
      let sum = 0;
      for (let i = 0; i < Number(increments); i += 1) sum += await increment(client);
      return sum;
    }),
  );
  const total = Number(workers) * Number(increments);
  const perSecond = (total * 1000) / (performance.now() - startMs);
  const tries = attempts.reduce((sum, count) => sum + count, 0);
  console.log(`counted ${((await client.get(key)) ?? 0) - before} of ${total}`);
  console.log(`${perSecond.toFixed(0)} increments a second, ${(tries / total).toFixed(1)} attempts each`);
} finally {
  await client.close();
}
