import { fill } from "./fill.js";
import type { Job } from "./job.js";
import { run } from "./run.js";

// A process of its own for each job, so that nothing of one peer or round is left in the next: `node main.js <job as JSON>`.
const job = JSON.parse(process.argv[2] ?? "") as Job;
const result = job.kind === "fill" ? await fill(job) : await run(job);
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
