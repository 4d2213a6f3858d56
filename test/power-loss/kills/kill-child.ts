/** Uses the engine on a real folder, batch after batch, and prints the number of each once it is acknowledged. */
import { systemClock } from "../../../services/runtime/clock.js";
import { systemRandom } from "../../../services/runtime/random.js";
import { openLogFolder } from "../../../services/store/engine/log/log-folder.js";
import { batchOf } from "../batches.js";
import { openLogSubject } from "../log-subject.js";
import { inFlightMax, type KillRound, styleOf } from "./kill-round.js";

const [text = "", firstBatch = "0"] = process.argv.slice(2);
const round = JSON.parse(text) as KillRound;
const folder = await openLogFolder(round.path);
process.stdout.write("opening\n");
const subject = await openLogSubject({
  folder,
  durability: round.durability,
  clock: systemClock,
  random: systemRandom,
  segmentBytes: round.segmentBytes,
  memoryBytesMax: round.memoryBytesMax,
});
process.stdout.write("opened\n");
let acknowledged = Number(firstBatch);
let hasFailed = false;
for (let number = acknowledged; !hasFailed;) {
  while (number - acknowledged < inFlightMax) {
    const batch = number;
    number += 1;
    subject.apply(batchOf(styleOf(round), batch)).then(
      () => {
        acknowledged += 1;
        process.stdout.write(`acked ${batch + 1}\n`);
      },
      (error: unknown) => {
        hasFailed = true;
        process.stdout.write(`failed ${String(error)}\n`);
      },
    );
  }
  if (number % 64 < inFlightMax) void subject.flush();
  await new Promise(setImmediate);
}
