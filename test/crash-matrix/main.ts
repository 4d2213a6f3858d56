import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { allCells, type Cell, drawCells, nameOf } from "./cells.js";
import type { RoundResult } from "./lane.js";
import { runMatrix } from "./matrix.js";
import {
  type CellRecord,
  cellRecordsOf,
  type MatrixRecord,
  matrixRecord,
  renderJson,
  renderMarkdown,
  type RoundRecord,
  roundRecordOf,
  summaryOf,
} from "./report.js";

const usage = `Kills or stops a process at every persisted step of add, remove and rebalance, under load, and checks what clients saw
and what is left on the disks. See docs/testing.md.

  --cells TEXT      only cells whose name contains TEXT: <operation>/<step>/<before|after>/<victim>/<kill|pause>
  --draw N          only N of them, drawn by the seed so that every step comes in
  --seed N          of the run; default: a random one
  --cell-seed N     of every cell, as printed before
  --together N      most cells that share an operation, one after the other; default 1
  --lanes N         clusters at a time; default 1
  --minutes-max N   begin no cell after N minutes; default: no limit
  --out PATH        write PATH.md and PATH.json, as cells end
  --missing         with --out: only the cells that PATH.json has no clean result of, which it keeps
  --logs FOLDER     for what the processes of unclean cells wrote; default: nowhere
`;

const { values } = parseArgs({
  options: {
    cells: { type: "string", default: "" },
    draw: { type: "string" },
    seed: { type: "string" },
    "cell-seed": { type: "string" },
    together: { type: "string", default: "1" },
    lanes: { type: "string", default: "1" },
    "minutes-max": { type: "string", default: "Infinity" },
    out: { type: "string" },
    missing: { type: "boolean", default: false },
    logs: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What a former run left. */
function formerRecord(): Pick<MatrixRecord, "cells" | "rounds"> {
  const path = `${values.out}.json`;
  if (!values.missing || !existsSync(path)) return { cells: [], rounds: [] };
  return JSON.parse(readFileSync(path, "utf8")) as MatrixRecord;
}

function writeReport(
  seed: number,
  known: ReadonlyMap<string, CellRecord>,
  rounds: readonly RoundRecord[],
): void {
  if (values.out === undefined) return;
  const cells = allCells().flatMap((cell) => known.get(nameOf(cell)) ?? []);
  const record = matrixRecord(seed, cells, rounds);
  writeFileSync(`${values.out}.json`, renderJson(record));
  writeFileSync(`${values.out}.md`, renderMarkdown(record));
}

function tell(result: RoundResult, index: number): void {
  const { cells, operation, problems, calls, seconds, logs } = result;
  const verdict = problems.length === 0 ? "clean" : "NOT CLEAN";
  say(`${verdict}: ${operation} with ${cells.length} faults, ${calls} calls, ${seconds.toFixed(1)} s`);
  for (const { cell, seed, seconds: ofCell } of cells) {
    say(`    ${nameOf(cell)} seed ${seed}, ${ofCell.toFixed(1)} s`);
  }
  for (const problem of problems.slice(0, 10)) say(`  ! ${problem}`);
  if (problems.length === 0 || values.logs === undefined) return;
  mkdirSync(values.logs, { recursive: true });
  const path = join(values.logs, `round-${index}.json`);
  writeFileSync(path, JSON.stringify({ cells, problems, logs }, null, 1));
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
  const former = formerRecord();
  const known = new Map(former.cells.map((cell) => [nameOf(cell), cell]));
  const rounds = [...former.rounds];
  let cells: Cell[] = allCells().filter(
    (cell) => nameOf(cell).includes(values.cells) && known.get(nameOf(cell))?.clean !== true,
  );
  cells = drawCells(cells, values.draw === undefined ? cells.length : Number(values.draw), seed);
  say(`seed ${seed}: ${cells.length} cells`);
  const ran = new Map<string, CellRecord>();
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => abort.abort());
  const unreached = await runMatrix({
    cells,
    seed,
    cellSeed: values["cell-seed"] === undefined ? undefined : Number(values["cell-seed"]),
    together: Number(values.together),
    lanes: Number(values.lanes),
    msMax: Number(values["minutes-max"]) * 60_000,
    signal: abort.signal,
    onRound: (result) => {
      if (abort.signal.aborted) return;
      tell(result, rounds.length);
      rounds.push(roundRecordOf(result));
      for (const record of cellRecordsOf(result)) {
        ran.set(nameOf(record), record);
        known.set(nameOf(record), record);
      }
      writeReport(seed, known, rounds);
    },
  });
  for (const { cell } of unreached) say(`NOT REACHED: ${nameOf(cell)}`);
  const left = cells.length - ran.size - unreached.length;
  if (left > 0) say(`${left} cells were not begun`);
  const newRounds = rounds.slice(former.rounds.length);
  say(summaryOf([...ran.values()], newRounds));
  return newRounds.every(({ clean }) => clean) && unreached.length === 0 && newRounds.length > 0 ? 0 : 1;
}

process.exitCode = await main();
