import { type AbsentCell, absentCells, allCells, type Cell, operations, victims } from "./cells.js";
import type { RoundResult } from "./lane.js";
import { type OperationKind, stepNames, stepOf } from "./steps.js";
import { pauseMs, suspectAfterMs } from "./timing.js";

/** What is kept of a cell. */
export interface CellRecord extends Cell {
  readonly seed: number;
  readonly clean: boolean;
  readonly problems: readonly string[];
  /** The occurrence of the step that was hit, from 1. */
  readonly nth: number;
  /** Cells of the same operation, this one among them. */
  readonly together: number;
  readonly seconds: number;
}

/** What is kept of a round. */
export interface RoundRecord {
  readonly operation: OperationKind;
  readonly cells: number;
  readonly clean: boolean;
  readonly problems: readonly string[];
  readonly calls: number;
  /** Writes whose outcome the SDK could not tell; they were checked to have happened once or not at all. */
  readonly unknownWrites: number;
  readonly seconds: number;
}

/** The whole of `crash-matrix.json`. */
export interface MatrixRecord {
  readonly seed: number;
  readonly suspectAfterMs: number;
  readonly pauseMs: number;
  readonly cells: readonly CellRecord[];
  readonly rounds: readonly RoundRecord[];
  readonly absent: readonly AbsentCell[];
}

const problemCharsMax = 400;

function shorten(problems: readonly string[]): string[] {
  return problems.slice(0, 5).map((problem) => problem.slice(0, problemCharsMax));
}

const tenths = (seconds: number): number => Math.round(seconds * 10) / 10;

/** What is kept of a round's cells. */
export function cellRecordsOf({ cells, problems }: RoundResult): CellRecord[] {
  return cells.map(({ cell, seed, nth, seconds }) => ({
    ...cell,
    ...{ seed, nth, together: cells.length, seconds: tenths(seconds) },
    clean: problems.length === 0,
    problems: shorten(problems),
  }));
}

/** What is kept of a round. */
export function roundRecordOf({
  operation,
  cells,
  problems,
  calls,
  unknown,
  seconds,
}: RoundResult): RoundRecord {
  return {
    ...{ operation, cells: cells.length, clean: problems.length === 0, problems: shorten(problems) },
    ...{ calls, unknownWrites: unknown, seconds: tenths(seconds) },
  };
}

/** The record of a run, cells in the order of the matrix. */
export function matrixRecord(
  seed: number,
  cells: readonly CellRecord[],
  rounds: readonly RoundRecord[],
): MatrixRecord {
  return { seed, suspectAfterMs, pauseMs, cells, rounds, absent: absentCells() };
}

/** As JSON, a cell or round a line. */
export function renderJson(record: MatrixRecord): string {
  const lists = { cells: record.cells, rounds: record.rounds, absent: record.absent };
  const texts = Object.entries(lists).map(
    ([name, list]) => `"${name}": [\n${list.map((one) => `  ${JSON.stringify(one)}`).join(",\n")}\n]`,
  );
  const { seed } = record;
  const head = Object.entries({ seed, suspectAfterMs, pauseMs }).map(
    ([name, value]) => `"${name}": ${value}`,
  );
  return `{\n${[...head, ...texts].join(",\n")}\n}\n`;
}

/** One line about everything. */
export function summaryOf(cells: readonly CellRecord[], rounds: readonly RoundRecord[]): string {
  const clean = cells.filter((cell) => cell.clean).length;
  const sum = (of: (round: RoundRecord) => number): number =>
    rounds.reduce((total, one) => total + of(one), 0);
  const calls = sum((round) => round.calls);
  const unknown = sum(({ unknownWrites }) => unknownWrites);
  const unclean = rounds.filter((round) => !round.clean).length;
  return (
    `${cells.length} cells, ${clean} clean, ${cells.length - clean} not, in ${rounds.length} operations, ` +
    `${unclean} of them not clean; ${calls} calls checked, ${unknown} writes of unknown outcome; ` +
    `${Math.round(sum(({ seconds }) => seconds))} s of operations`
  );
}

/** The page `crash-matrix.md`. */
export function renderMarkdown(record: MatrixRecord): string {
  return [
    "# Crash matrix",
    "",
    "Written by `npm run test:crash-matrix`; what it does is told in [testing.md](testing.md). In each cell, under load on",
    "real processes, the victim is hit right before or after the step is persisted, and comes back. Several cells may share",
    "one operation, one after the other. ✓ with the cell's seed: every check held. ✗: one did not. –: the victim is not",
    "there. An empty cell was not run.",
    "`kill` is `kill -9` and a new start, `pause` SIGSTOP and SIGCONT",
    `after ${record.pauseMs} ms at least, with failures noticed after ${record.suspectAfterMs} ms.`,
    "",
    `Run with seed ${record.seed}: ${summaryOf(record.cells, record.rounds)}.`,
    "",
    ...operations.flatMap((operation) => renderOperation(operation, record)),
    ...renderProblems(record),
    "## The steps",
    "",
    "| step | persisted by | what |",
    "| --- | --- | --- |",
    ...stepNames.map((name) => `| \`${name}\` | ${stepOf(name).observer} | ${stepOf(name).what} |`),
    "",
    "A victim that persists the step itself is hit both before and after the commit; for everybody else the two are the",
    "same, since nobody hears of a commit before it is made. READY and RELEASE are told, not committed: the moment after is",
    "the master's commit. One cell repeats: `npm run test:crash-matrix -- --cells <operation>/<step>/<moment>/<victim>/<fault>",
    "--cell-seed <seed>`.",
    "",
  ].join("\n");
}

const columns = victims.flatMap((victim) => (["kill", "pause"] as const).map((fault) => ({ victim, fault })));

function renderOperation(operation: OperationKind, { cells, absent }: MatrixRecord): string[] {
  const rows = stepNames
    .filter((step) => stepOf(step).operations?.includes(operation) ?? true)
    .flatMap((step) => (["before", "after"] as const).map((when) => ({ step, when })))
    .filter(
      ({ step, when }) => when === "after" || cells.some((cell) => cell.step === step && cell.when === when),
    )
    .filter((row) =>
      allCells().some(
        (cell) => cell.operation === operation && cell.step === row.step && cell.when === row.when,
      ),
    )
    .map(({ step, when }) => {
      const texts = columns.map(({ victim, fault }) => {
        if (absent.some((one) => one.operation === operation && one.step === step && one.victim === victim))
          return "–";
        const cell = cells.find(
          (one) =>
            one.operation === operation &&
            one.step === step &&
            one.when === when &&
            one.victim === victim &&
            one.fault === fault,
        );
        return cell === undefined ? "" : `${cell.clean ? "✓" : "✗"} ${cell.seed}`;
      });
      return `| ${when} \`${step}\` | ${texts.join(" | ")} |`;
    });
  return [
    `## ${operation}`,
    "",
    `| step | ${columns.map(({ victim, fault }) => `${victim} ${fault}`).join(" | ")} |`,
    `| --- |${" --- |".repeat(columns.length)}`,
    ...rows,
    "",
  ];
}

function renderProblems({ cells, rounds }: MatrixRecord): string[] {
  const unclean = cells.filter(({ clean }) => !clean);
  const operationsNot = rounds.filter(({ clean }) => !clean);
  const lines = [
    ...unclean.map(
      ({ operation, step, when, victim, fault, problems }) =>
        `- \`${operation}/${step}/${when}/${victim}/${fault}\`: ${oneLine(problems)}`,
    ),
    ...operationsNot.map(
      ({ operation, cells: count, problems }) =>
        `- an operation (${operation}) of ${count} cells, which were run again: ${oneLine(problems)}`,
    ),
  ];
  return lines.length === 0 ? [] : ["## Not clean", "", ...lines, ""];
}

function oneLine(problems: readonly string[]): string {
  return problems.join("; ").replaceAll("\n", " ");
}
