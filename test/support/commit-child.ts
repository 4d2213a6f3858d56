import { systemClock } from "../../services/runtime/clock.js";
import { systemRandom } from "../../services/runtime/random.js";
import { openDiskLog } from "../../services/store/engine/log/disk-log.js";
import { putOf } from "./engines.js";

// Commits batch after batch and prints the number of each once it is acknowledged.
const [path = "", durability, perBatch = "1", reserve] = process.argv.slice(2);
const engine = await openDiskLog({
  path,
  durability: durability === "fsync" ? "fsync" : "commit",
  clock: systemClock,
  random: systemRandom,
  ...(reserve !== undefined && { diskReserveBytes: Number(reserve) }),
});
for (let batch = 0; ; batch += 1) {
  const writes = Array.from({ length: Number(perBatch) }, (_, index) =>
    putOf(1, 1, `${batch}/${index}`, Buffer.alloc(1000, batch), index === 0 ? 1_000_000 + batch : 0),
  );
  try {
    await engine.commit(writes);
  } catch (error) {
    console.log(`failed ${String(error)}`);
    break;
  }
  process.stdout.write(`acked ${batch}\n`);
  if (batch % 50 === 0) await new Promise(setImmediate);
}
