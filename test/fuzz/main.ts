import { parseArgs } from "node:util";
import { runFuzz } from "./run.js";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    rounds: { type: "string", default: "3" },
  },
});

const report = await runFuzz({
  runs: Number(values.runs),
  seed: Number(values.seed),
  rounds: Number(values.rounds),
  only: values.only === undefined ? undefined : new RegExp(values.only),
  say: (line) => process.stdout.write(`${line}\n`),
});
process.exitCode = report.faults.length === 0 ? 0 : 1;
