import { costs } from "./costs.js";
import type { EngineJob } from "./job.js";
import { reads } from "./reads.js";
import { fillAndStay, openFilled } from "./start.js";

// A process of its own for each job: `node main.js <job as JSON>`.
const job = JSON.parse(process.argv[2] ?? "") as EngineJob;
// Whoever waits to be killed has nothing else to keep it alive; it ends with the bench.
process.stdin.on("end", () => process.exit(1)).resume();

function done(): Promise<unknown> {
  switch (job.kind) {
    case "costs":
      return costs(job);
    case "reads":
      return reads(job);
    case "fill":
      return fillAndStay(job, () => process.stdout.write("filled\n"));
    case "open":
      return openFilled(job);
  }
}

const result = await done();
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
