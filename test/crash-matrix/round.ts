import { codecs, connect } from "../../client/index.js";
import { SeededRandom } from "../../examples/demo/random.js";
import { OperationState } from "../../services/gen/elastickv/v1/master.js";
import { waitFor } from "../support/wait-for.js";
import type { Cell } from "./cells.js";
import { DirectReader } from "./direct-reader.js";
import { ClientHistory, machineNowMs } from "./history.js";
import { isThere, pause, resume } from "./injected-process.js";
import { Load, loadKeys } from "./load.js";
import type { Stage } from "./stage.js";
import { type Role, type Step, stepOf } from "./steps.js";
import { callDeadlineMs, pauseMs } from "./timing.js";
import { type FaultWindow, judgeHistories } from "./verdict.js";

/** Calls of each client before the operation, and after each fault. */
const callsMin = 30;
/** A step of moves is hit at its first or second occurrence. */
const occurrencesMax = 2;
/** Moves that are left for another fault to be worth beginning. */
const movesLeftMin = 6;
const hitMsMax = 120_000;

/** A cell with its seed. */
export interface SeededCell {
  readonly cell: Cell;
  readonly seed: number;
}

/** Where a round gets its cells from. */
export interface CellSupply {
  /** The next cell of the round's operation whose step comes in this phase, if there is one. */
  take(phase: Step["phase"]): SeededCell | undefined;
  /** A cell's step was not come by: the operation was over before. */
  missed(cell: SeededCell): void;
}

/** A fault that happened. */
export interface HitCell extends SeededCell {
  /** The occurrence that was hit, from 1. */
  readonly nth: number;
  /** From the moment that it was waited for until clients went on. */
  readonly seconds: number;
}

/** One operation under load, with the fault of one cell after another, and what came of it. */
export class Round {
  readonly #stage: Stage;
  readonly #supply: CellSupply;
  readonly #cellsMax: number;
  readonly #keyPrefix: string;
  readonly #hits: HitCell[] = [];
  readonly #windows: FaultWindow[] = [];
  readonly #clients: ClientHistory[] = [];
  readonly #killedClients: string[] = [];
  readonly #readers: { readonly history: ClientHistory; readonly reader: DirectReader }[] = [];
  #random = new SeededRandom(0);
  #load: Load | undefined;
  #here = new ClientHistory("here");
  #there = new ClientHistory("there");
  /** Taken, and not over. */
  #underWay: SeededCell | undefined;

  /** `keyPrefix`: of keys that do not exist yet. */
  constructor(stage: Stage, supply: CellSupply, cellsMax: number, keyPrefix: string) {
    this.#stage = stage;
    this.#supply = supply;
    this.#cellsMax = cellsMax;
    this.#keyPrefix = keyPrefix;
  }

  /** The cells whose faults happened. */
  get hits(): readonly HitCell[] {
    return this.#hits;
  }

  /** The cell that a rejected run was busy with. */
  get underWay(): SeededCell | undefined {
    return this.#underWay;
  }

  /** Calls that were answered. */
  get calls(): number {
    const readers = this.#readers.map(({ history }) => history);
    return [...this.#clients, ...readers].reduce((sum, { answered }) => sum + answered, 0);
  }

  /** Calls of clients that ended with an error: where a round is clean, writes with an unknown outcome. */
  get unknown(): number {
    return this.#clients.reduce((sum, { failures }) => sum + failures.length, 0);
  }

  /** Runs it; resolves with everything that is wrong. Rejects when it could not be run to its end. */
  async run(seed: number): Promise<string[]> {
    const { cluster, here } = this.#stage;
    this.#random = new SeededRandom(seed);
    this.#here = this.#newHistory("here");
    this.#load = new Load(here, this.#shapeOf("here"), this.#here.record);
    this.#startThere("there");
    this.#readAt("store-1");
    if (cluster.operation !== "add") this.#readAt("store-2");
    await this.#moreCalls();
    const operationId = await this.#begin();
    while (await this.#hasMovesLeft(operationId)) {
      const cell = this.#take("moves");
      if (cell === undefined) break;
      await this.#arm(cell);
      if (!(await this.#hit(cell, operationId))) break;
    }
    const last = this.#take("last");
    if (last !== undefined) {
      await this.#arm(last);
      await this.#hit(last, operationId);
    }
    const { state, movesDone, movesTotal, movesFailed, message } = await cluster.ended(operationId);
    await this.#stopLoad();
    const succeeded = state === OperationState.SUCCEEDED && movesDone === movesTotal && movesFailed === 0;
    const outcome = `the operation is in state ${state}, ${movesDone} of ${movesTotal} moves are done: ${message}`;
    return [...(succeeded ? [] : [outcome]), ...(await this.#judge())];
  }

  /** Lets the load end, after `run` rejected. */
  async abandon(): Promise<void> {
    const readers = this.#readers.map(({ reader }) => reader.stop());
    await Promise.all([this.#load?.stop(), ...readers]);
  }

  /** Asks for the operation, with the faults that come at its beginning; resolves with its id. */
  async #begin(): Promise<string> {
    const { cluster } = this.#stage;
    // An addition is recorded first, and begins when its store registers.
    const first = this.#take("first");
    if (first !== undefined) await this.#arm(first);
    const isPending = first?.cell.step === "operation-pending";
    // The master may die over it.
    const asked = cluster.ask().catch(() => undefined);
    if (first !== undefined && (isPending || cluster.operation !== "add")) await this.#hit(first, undefined);
    const operationId = (await asked) ?? (await cluster.askAgain());
    if (cluster.operation !== "add") return operationId;
    const begun = isPending ? undefined : first;
    await cluster.startNewStore();
    this.#readAt("store-2");
    if (begun !== undefined) await this.#hit(begun, operationId);
    return operationId;
  }

  #take(phase: Step["phase"]): SeededCell | undefined {
    return this.#hits.length < this.#cellsMax ? this.#supply.take(phase) : undefined;
  }

  async #hasMovesLeft(operationId: string): Promise<boolean> {
    const { cluster } = this.#stage;
    const { movesTotal, movesDone } = await waitFor(
      "the operation to have moves",
      async () => {
        const operation = await cluster.operationNow(operationId);
        return operation.movesTotal > 0 && operation;
      },
      hitMsMax,
      50,
    );
    return movesTotal - movesDone >= movesLeftMin;
  }

  #nthOf({ cell, seed }: SeededCell): number {
    return stepOf(cell.step).phase === "moves" ? 1 + new SeededRandom(seed).below(occurrencesMax) : 1;
  }

  async #arm(cell: SeededCell): Promise<void> {
    this.#underWay = cell;
    const { step, when } = cell.cell;
    const nth = this.#nthOf(cell);
    await this.#stage.cluster.processOf(stepOf(step).observer).arm({ step, when, nth });
  }

  /**
   * Waits until the step is come by; then the fault happens, is over, and clients go on. Resolves with false when the
   * operation ended before.
   */
  async #hit(seeded: SeededCell, operationId: string | undefined): Promise<boolean> {
    const { cell } = seeded;
    const { cluster } = this.#stage;
    const { observer: role } = stepOf(cell.step);
    const observer = cluster.processOf(role);
    const waitedFromMs = machineNowMs();
    if (!(await this.#comesBy(cell, operationId))) {
      if (isThere(observer)) await observer.arm("none");
      this.#underWay = undefined;
      this.#supply.missed(seeded);
      return false;
    }
    const fromMs = machineNowMs();
    if (cell.fault === "kill") await this.#kill(cell.victim, role);
    else await this.#pause(cell.victim, role);
    this.#windows.push({ cell, fromMs, toMs: machineNowMs() });
    await this.#moreCalls();
    const seconds = (machineNowMs() - waitedFromMs) / 1000;
    this.#hits.push({ ...seeded, nth: this.#nthOf(seeded), seconds });
    this.#underWay = undefined;
    return true;
  }

  async #comesBy({ step }: Cell, operationId: string | undefined): Promise<boolean> {
    const { cluster } = this.#stage;
    const { observer: role } = stepOf(step);
    const observer = cluster.processOf(role);
    const decided = new AbortController();
    const late = setTimeout(
      () => decided.abort(new Error(`waited ${hitMsMax} ms in vain for the ${role} to come by ${step}`)),
      hitMsMax,
    );
    const stopped = observer.stopped(decided.signal).then(() => true);
    const ended = operationId === undefined ? undefined : cluster.ended(operationId, decided.signal);
    try {
      return await Promise.race([stopped, ...(ended ? [ended.then(() => false)] : [])]);
    } finally {
      clearTimeout(late);
      decided.abort();
      await Promise.allSettled([stopped]);
      void ended?.catch(() => undefined); // It hears of the abortion once the master answers again.
    }
  }

  async #kill(victim: Role, observerRole: Step["observer"]): Promise<void> {
    const { cluster } = this.#stage;
    const observer = cluster.processOf(observerRole);
    const hit = this.#processOf(victim);
    await hit.kill();
    if (hit !== observer) resume(observer);
    if (victim === "master") await cluster.restartMaster();
    else if (victim !== "client") await cluster.restartStore(victim);
    else {
      this.#killedClients.push(this.#there.client);
      this.#stage.replaceThere();
      this.#startThere(`successor-${this.#killedClients.length}`);
    }
  }

  /** A paused process stays so for longer than the failure timeout, and until who watches it has noticed. */
  async #pause(victim: Role, observerRole: Step["observer"]): Promise<void> {
    const observer = this.#stage.cluster.processOf(observerRole);
    const hit = this.#processOf(victim);
    if (hit !== observer) {
      await pause(hit);
      resume(observer);
    }
    const endMs = machineNowMs() + pauseMs;
    if (victim === "source" || victim === "target") await this.#stage.cluster.untilDown(victim);
    await waitFor("the pause to be long enough", () => machineNowMs() >= endMs, pauseMs * 10, 10);
    resume(hit);
  }

  #processOf(victim: Role): Stage["there"] | ReturnType<Stage["cluster"]["processOf"]> {
    return victim === "client" ? this.#stage.there : this.#stage.cluster.processOf(victim);
  }

  #newHistory(client: string): ClientHistory {
    const history = new ClientHistory(client);
    this.#clients.push(history);
    return history;
  }

  #shapeOf(name: string): { name: string; keyPrefix: string; seed: number } {
    return { name, keyPrefix: this.#keyPrefix, seed: this.#random.below(2 ** 31) };
  }

  #startThere(name: string): void {
    this.#there = this.#newHistory(name);
    this.#stage.there.load(this.#shapeOf(name), this.#there.record);
  }

  #readAt(storeId: string): void {
    const history = new ClientHistory(`reader of ${storeId}`);
    const address = this.#stage.cluster.storeAddress(storeId);
    const reader = new DirectReader(address, loadKeys(this.#keyPrefix), history.record);
    this.#readers.push({ history, reader });
  }

  async #moreCalls(): Promise<void> {
    for (const history of [this.#here, this.#there]) {
      const wanted = history.answered + callsMin;
      await waitFor(`calls of ${history.client}`, () => history.answered >= wanted, 2 * callDeadlineMs, 10);
    }
  }

  async #stopLoad(): Promise<void> {
    await this.#load?.stop();
    await this.#stage.there.rest();
    for (const { reader } of this.#readers) await reader.stop();
  }

  async #judge(): Promise<string[]> {
    const { cluster, fillerCount } = this.#stage;
    const keysSeen = await this.#readAll(this.#newHistory("latecomer"));
    const problems = judgeHistories({
      clients: this.#clients,
      readers: this.#readers.map(({ history }) => history),
      killedClients: this.#killedClients,
      windows: this.#windows,
    });
    problems.push(...(await cluster.remains()));
    const stored = await cluster.keysStored();
    const expected = fillerCount + keysSeen;
    if (stored !== expected) problems.push(`the disks hold ${stored} keys, clients see ${expected}`);
    await this.#stage.here.deleteMany(loadKeys(this.#keyPrefix));
    return problems;
  }

  /**
   * What a client that comes last sees of every key; resolves with how many there are. With it each store has as many
   * pipelines as it takes: one that a dead client had left would be one too many.
   */
  async #readAll(latecomer: ClientHistory): Promise<number> {
    const { cluster, checkFiller } = this.#stage;
    const seeds = [cluster.masterAddress];
    const client = await connect({ seeds, codec: codecs.string, deadlineMs: callDeadlineMs });
    try {
      let seen = 0;
      for (const [id, key] of loadKeys(this.#keyPrefix).entries()) {
        latecomer.record({ kind: "begin", id, key, action: { kind: "get" }, atMs: machineNowMs() });
        const value = await client.get(key);
        if (value !== undefined) seen += 1;
        latecomer.record({ kind: "end", id, outcome: { kind: "value", value }, atMs: machineNowMs() });
      }
      await checkFiller(client);
      return seen;
    } finally {
      await client.close();
    }
  }
}
