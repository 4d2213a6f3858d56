import type { Cell } from "./cells.js";
import { machineNowMs } from "./history.js";
import { type CellSupply, Round, type SeededCell } from "./round.js";
import { Stage } from "./stage.js";
import type { OperationKind } from "./steps.js";

/** How a cell came out. */
export interface CellResult extends SeededCell {
  readonly cell: Cell;
  /** Empty: the cell is clean. Those of its whole round. */
  readonly problems: readonly string[];
  /** The occurrence of the step that was hit, from 1. */
  readonly nth: number;
  readonly seconds: number;
}

/** How a round came out. */
export interface RoundResult {
  readonly operation: OperationKind;
  readonly cells: readonly CellResult[];
  readonly problems: readonly string[];
  readonly calls: number;
  /** Writes whose outcome the SDK could not tell. */
  readonly unknown: number;
  readonly seconds: number;
  /** Of a round that is not clean: what the processes wrote. */
  readonly logs: Readonly<Record<string, readonly string[]>>;
}

/** Runs rounds one after the other on one cluster, which goes through the operations in turn; a new one after any trouble. */
export class Lane {
  #stage: Stage | undefined;
  #rounds = 0;

  /** The operation that this lane can run a round of without another one first. */
  get nextOperation(): OperationKind {
    return this.#stage?.cluster.operation ?? "add";
  }

  /** Runs a round of up to `cellsMax` cells; never rejects. */
  async run(
    operation: OperationKind,
    supply: CellSupply,
    cellsMax: number,
    seed: number,
  ): Promise<RoundResult> {
    const beganMs = machineNowMs();
    const problems: string[] = [];
    let round: Round | undefined;
    try {
      const stage = await this.#ready(operation);
      this.#rounds += 1;
      round = new Round(stage, supply, cellsMax, `round-${this.#rounds}`);
      problems.push(...(await round.run(seed)));
    } catch (error) {
      problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    const cells = (round?.hits ?? []).map((hit) => ({ ...hit, problems }));
    const { underWay } = round ?? {};
    if (underWay) cells.push({ ...underWay, nth: 1, seconds: 0, problems });
    const logs = problems.length === 0 ? {} : (this.#stage?.cluster.logs() ?? {});
    if (problems.length === 0) this.#stage?.cluster.advance();
    else {
      void round?.abandon();
      await this.close();
    }
    const { calls = 0, unknown = 0 } = round ?? {};
    return { operation, cells, problems, calls, unknown, seconds: (machineNowMs() - beganMs) / 1000, logs };
  }

  /** Ends every process of it, and deletes its data. */
  async close(): Promise<void> {
    const stage = this.#stage;
    this.#stage = undefined;
    await stage?.close();
  }

  async #ready(operation: OperationKind): Promise<Stage> {
    const stage = (this.#stage ??= await Stage.form());
    while (stage.cluster.operation !== operation) await stage.cluster.pass();
    await stage.cluster.prepare();
    return stage;
  }
}
