import { parseArgs } from "node:util";
import { Laboratory } from "./laboratory.js";
import { mutants } from "./mutants.js";

// Looks how many seeds it takes to find each mutant: `npm run test:mutants -- --seeds 50 [--only text]`.
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "50" },
    first: { type: "string", default: "1" },
    only: { type: "string", default: "" },
  },
});

const laboratory = new Laboratory();
let missed = 0;
try {
  for (const mutant of mutants.filter(({ name }) => name.includes(values.only))) {
    const first = Number(values.first);
    const startedAt = performance.now();
    const { seed, message } = await laboratory.try(mutant, {
      first,
      seeds: Number(values.seeds),
      seconds: mutant.seconds,
      faults: mutant.faults,
    });
    // The product itself must pass where its mutant fails.
    const control =
      seed === undefined
        ? undefined
        : await laboratory.control({ first: seed, seeds: 1, seconds: mutant.seconds, faults: mutant.faults });
    if (control?.seed !== undefined) {
      process.stdout.write(
        `| ${mutant.name} | THE PRODUCT FAILS TOO | seed ${seed} | ${control.message} |\n`,
      );
      missed += 1;
      continue;
    }
    const took = `${((performance.now() - startedAt) / 1000).toFixed(0)} s`;
    if (seed === undefined) missed += 1;
    const found =
      seed === undefined ? `NOT FOUND in ${values.seeds} seeds` : `${seed - first + 1} seeds (${seed})`;
    process.stdout.write(`| ${mutant.name} | ${found} | ${took} | ${message.slice(0, 160)} |\n`);
  }
} finally {
  laboratory.close();
}
process.exitCode = missed > 0 ? 1 : 0;
