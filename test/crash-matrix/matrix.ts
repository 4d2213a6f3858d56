import { type Cell, nameOf, operations, seedOf } from "./cells.js";
import { Lane, type RoundResult } from "./lane.js";
import type { CellSupply, SeededCell } from "./round.js";
import { type OperationKind, type Step, stepOf } from "./steps.js";

/** Rounds in which a cell's step may fail to come by. */
const missesMax = 5;
/** Rounds of one lane, one after the other, that came to no cell at all. */
const failuresMax = 3;

/** How cells are run. */
export interface MatrixOptions {
  readonly cells: readonly Cell[];
  /** Of the run: each cell's own follows from it. */
  readonly seed: number;
  /** Of every cell, instead. */
  readonly cellSeed: number | undefined;
  /** Most cells of one operation, one after the other. */
  readonly together: number;
  /** Clusters at a time. */
  readonly lanes: number;
  /** No round is begun after this many milliseconds. */
  readonly msMax: number;
  /** Ends every process at once. */
  readonly signal: AbortSignal;
  readonly onRound: (result: RoundResult) => void;
}

/** The cells that wait for a round. */
class CellQueue {
  readonly #waiting: SeededCell[];
  readonly #misses = new Map<string, number>();
  /** Cells whose step never came by. */
  readonly unreached: SeededCell[] = [];

  constructor(cells: readonly SeededCell[]) {
    this.#waiting = [...cells];
  }

  /** The operation to run next: the preferred one, or else the one with the most cells. */
  next(preferred: OperationKind): OperationKind | undefined {
    if (this.#count(preferred) > 0) return preferred;
    const [fullest] = [...operations].sort((a, b) => this.#count(b) - this.#count(a));
    return fullest !== undefined && this.#count(fullest) > 0 ? fullest : undefined;
  }

  /** The supply of one round. */
  supply(operation: OperationKind): CellSupply {
    return {
      take: (phase) => this.#take(operation, phase),
      missed: (seeded) => {
        const name = nameOf(seeded.cell);
        const misses = (this.#misses.get(name) ?? 0) + 1;
        this.#misses.set(name, misses);
        if (misses < missesMax) this.#waiting.push(seeded);
        else this.unreached.push(seeded);
      },
    };
  }

  add(cells: readonly SeededCell[]): void {
    this.#waiting.push(...cells);
  }

  #count(operation: OperationKind): number {
    return this.#waiting.filter(({ cell }) => cell.operation === operation).length;
  }

  #take(operation: OperationKind, phase: Step["phase"]): SeededCell | undefined {
    const index = this.#waiting.findIndex(
      ({ cell }) => cell.operation === operation && stepOf(cell.step).phase === phase,
    );
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
  }
}

/**
 * Runs the cells, as many lanes at a time, each through the operations in turn. The cells of a round that is not clean
 * are run once more, each alone. Resolves with the cells whose step never came by.
 */
export async function runMatrix(options: MatrixOptions): Promise<readonly SeededCell[]> {
  const { cells, seed, cellSeed, together, msMax, signal, onRound } = options;
  const queue = new CellQueue(cells.map((cell) => ({ cell, seed: cellSeed ?? seedOf(cell, seed) })));
  const alone = new CellQueue([]);
  const endMs = performance.now() + msMax;
  const work = async (lane: Lane): Promise<void> => {
    let failures = 0;
    while (performance.now() < endMs && !signal.aborted) {
      const operation = queue.next(lane.nextOperation);
      const lonely = operation === undefined ? alone.next(lane.nextOperation) : undefined;
      if (operation !== undefined) {
        const result = await lane.run(operation, queue.supply(operation), together, seed);
        onRound(result);
        failures = result.cells.length === 0 && result.problems.length > 0 ? failures + 1 : 0;
        if (failures > failuresMax) throw new Error("no cluster can be formed");
        if (result.problems.length === 0 || result.cells.length < 2) continue;
        alone.add(result.cells.map(({ cell, seed: cellsOwn }) => ({ cell, seed: cellsOwn })));
      } else if (lonely !== undefined) onRound(await lane.run(lonely, alone.supply(lonely), 1, seed));
      else break;
    }
    await lane.close();
  };
  const lanes = Array.from({ length: options.lanes }, () => new Lane());
  signal.addEventListener("abort", () => {
    for (const lane of lanes) void lane.close();
  });
  await Promise.all(lanes.map(work));
  return [...queue.unreached, ...alone.unreached];
}
