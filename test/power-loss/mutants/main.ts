import { parseArgs } from "node:util";
import { Laboratory } from "./laboratory.js";
import { mutants } from "./mutants.js";

// Looks how many seeds it takes to find each mutant: `npm run test:power-loss:mutants -- --seeds 50 [--only text]`.
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "50" },
    first: { type: "string", default: "1" },
    share: { type: "string", default: "0.05" },
    only: { type: "string", default: "" },
  },
});

const laboratory = new Laboratory();
const first = Number(values.first);
const share = Number(values.share);
let missed = 0;
try {
  for (const mutant of mutants.filter(({ name }) => name.includes(values.only))) {
    const startedAt = performance.now();
    const { seed, message } = await laboratory.try(mutant, { first, seeds: Number(values.seeds), share });
    const took = `${((performance.now() - startedAt) / 1000).toFixed(0)} s`;
    // The product itself must pass where its mutant fails.
    const control =
      seed === undefined ? undefined : await laboratory.control(mutant, { first: seed, seeds: 1, share });
    const isProductBad = control?.seed !== undefined;
    if (seed === undefined || isProductBad) missed += 1;
    const found =
      seed === undefined ? `NOT FOUND in ${values.seeds} seeds` : `${seed - first + 1} seeds (${seed})`;
    const verdict = isProductBad ? "THE PRODUCT FAILS TOO" : found;
    process.stdout.write(`| ${mutant.name} | ${verdict} | ${took} | ${message.slice(0, 160)} |\n`);
  }
} finally {
  laboratory.close();
}
process.exitCode = missed > 0 ? 1 : 0;
