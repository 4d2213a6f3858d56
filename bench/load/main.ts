import { createInterface } from "node:readline";
import { fanOut } from "./fan-out.js";
import { fill } from "./fill.js";
import type { Job } from "./job.js";
import { run } from "./run.js";
import { watch } from "./watch.js";

// A process of its own for each job, so that nothing of one peer or round is left in the next: `node main.js <job as JSON>`.
const job = JSON.parse(process.argv[2] ?? "") as Job;

function input(): AsyncIterable<string> {
  return createInterface({ input: process.stdin });
}

function ready(): void {
  process.stdout.write("ready\n");
}

function done(): Promise<unknown> {
  switch (job.kind) {
    case "fill":
      return fill(job);
    case "run":
      return run(job);
    case "watch":
      return watch(job, input(), ready);
    case "fan-out":
      return fanOut(job.seeds, job.clients, input(), ready);
  }
}

const result = await done();
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
