import { type OperationKind, type Role, stepNames, type StepName, stepOf } from "./steps.js";
import type { Breakpoint } from "./injection/breakpoint.js";

/** What happens to the victim: `kill -9` and a new start, or SIGSTOP beyond the failure timeout and SIGCONT. */
export type Fault = "kill" | "pause";

/** One cell of the matrix: a process is hit at a step of an operation. */
export interface Cell {
  readonly operation: OperationKind;
  readonly step: StepName;
  /** `after`, unless the victim persists the step itself: for everybody else the two are the same. */
  readonly when: Breakpoint["when"];
  readonly victim: Role;
  readonly fault: Fault;
}

/** A cell that makes no sense, with the reason. */
export interface AbsentCell {
  readonly operation: OperationKind;
  readonly step: StepName;
  readonly victim: Role;
  readonly reason: string;
}

/** The operations, in the order of the report. */
export const operations: readonly OperationKind[] = ["add", "remove", "rebalance"];
/** Who is hit, in the order of the report. */
export const victims: readonly Role[] = ["source", "target", "master", "client"];
const faults: readonly Fault[] = ["kill", "pause"];

/** Every cell, in a fixed order. */
export function allCells(): Cell[] {
  return combinations().flatMap(({ operation, step, victim }) => {
    if (absenceOf(operation, step, victim) !== undefined) return [];
    return momentsOf(step, victim).flatMap((when) =>
      faults.map((fault) => ({ operation, step, when, victim, fault })),
    );
  });
}

/** Every cell that is left out. */
export function absentCells(): AbsentCell[] {
  return combinations().flatMap((cell) => {
    const reason = absenceOf(cell.operation, cell.step, cell.victim);
    return reason === undefined ? [] : [{ ...cell, reason }];
  });
}

function combinations(): { operation: OperationKind; step: StepName; victim: Role }[] {
  return operations.flatMap((operation) =>
    stepNames
      .filter((step) => stepOf(step).operations?.includes(operation) ?? true)
      .flatMap((step) => victims.map((victim) => ({ operation, step, victim }))),
  );
}

function absenceOf(operation: OperationKind, step: StepName, victim: Role): string | undefined {
  return stepOf(step).absent?.[operation]?.[victim];
}

function momentsOf(step: StepName, victim: Role): readonly Breakpoint["when"][] {
  const { observer, told } = stepOf(step);
  if (told) return ["before"];
  return victim === observer ? ["before", "after"] : ["after"];
}

/** A cell's name, by which it can be asked for. */
export function nameOf({ operation, step, when, victim, fault }: Cell): string {
  return `${operation}/${step}/${when}/${victim}/${fault}`;
}

/** The seed of a cell in a run with a seed, below a million: its own, whichever other cells run. */
export function seedOf(cell: Cell, runSeed: number): number {
  let hash = 0x811c9dc5;
  for (const char of `${runSeed}/${nameOf(cell)}`) {
    hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  }
  return (hash >>> 0) % 1_000_000;
}

/** A share of the cells, drawn by the seed so that every step, and every victim and fault of each operation, comes in. */
export function drawCells(cells: readonly Cell[], count: number, runSeed: number): Cell[] {
  const drawn = cells
    .map((cell) => ({ cell, order: seedOf(cell, runSeed) }))
    .sort((a, b) => a.order - b.order)
    .map(({ cell }) => cell);
  const chosen: Cell[] = [];
  const seen = new Set<string>();
  const groupsOf = (cell: Cell): string[] => [cell.step, `${cell.operation}/${cell.victim}/${cell.fault}`];
  for (const cell of drawn) {
    if (chosen.length < count && groupsOf(cell).some((group) => !seen.has(group))) {
      chosen.push(cell);
      for (const group of groupsOf(cell)) seen.add(group);
    }
  }
  for (const cell of drawn) if (chosen.length < count && !chosen.includes(cell)) chosen.push(cell);
  return chosen;
}
