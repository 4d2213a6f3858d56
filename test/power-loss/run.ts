import { batchOf, type BatchStyle } from "./batches.js";
import { Chain } from "./chain.js";
import { EkvError } from "../../services/core/errors.js";
import { type DiskCall, DiskFaults } from "./disk/disk-faults.js";
import { RecordedDisk, type RecordedFolder } from "./disk/recorded-disk.js";
import { Schedule } from "./disk/schedule.js";
import { type Found, Promised } from "./promised.js";
import type { SeededRandom } from "../simulation/world/random.js";
import type { OpenSubject, Subject, SubjectOptions } from "./subject.js";

/** How an engine is used in a run. */
export interface RunOptions {
  readonly random: SeededRandom;
  readonly style: BatchStyle;
  readonly engine: Pick<SubjectOptions, "durability" | "segmentBytes" | "memoryBytesMax">;
  /** Whether the disk refuses calls at times. */
  readonly isDiskFaulty: boolean;
  /** Batches that are not acknowledged yet, at most. */
  readonly inFlightMax: number;
  /** Things that are done, one of them a batch mostly. */
  readonly steps: number;
}

/** A history of a disk, with what was promised meanwhile. */
export interface RunRecord {
  readonly disk: RecordedDisk;
  /** What the disk held before, and one for each process, in their order. */
  readonly promises: readonly Promised[];
}

/** What a run begins with. */
export interface RunStart {
  readonly disk: RecordedDisk;
  /** The batches whose content the disk holds. */
  readonly chain: Chain;
}

/** Processes that use an engine on a recorded disk, one after the other: each is closed, or killed, or the last. */
class Run {
  readonly #options: RunOptions;
  readonly #open: OpenSubject;
  readonly #disk: RecordedDisk;
  readonly #promises: Promised[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  #schedule = new Schedule();
  #folder: RecordedFolder;
  #subject: Subject | undefined;
  #failure: Error | undefined;
  readonly #faultsRandom: SeededRandom;
  #faults: DiskFaults;
  /** How often the disk began to refuse calls. */
  #troubles = 0;

  constructor(options: RunOptions, open: OpenSubject, disk: RecordedDisk) {
    this.#options = options;
    this.#open = open;
    this.#disk = disk;
    this.#folder = disk.mount(this.#schedule);
    this.#faultsRandom = options.random.fork("faults");
    this.#faults = new DiskFaults(this.#faultsRandom);
  }

  async record(chain: Chain): Promise<RunRecord> {
    const before = new Promised(this.#now, chain, chain.length, chain.length);
    this.#promises.push(before);
    await this.#start(before);
    for (let step = 0; step < this.#options.steps; step += 1) {
      this.#changeHealth();
      await this.#step();
      await this.#schedule.settle();
      if (this.#failure) throw this.#failure;
      if (this.#folder.misuse !== undefined) throw new Error(this.#folder.misuse);
    }
    await this.#stop();
    return { disk: this.#disk, promises: this.#promises };
  }

  get #now(): number {
    return this.#disk.events.length;
  }

  get #promised(): Promised {
    return this.#promises.at(-1) as Promised;
  }

  get #live(): Subject {
    return this.#subject as Subject;
  }

  /** The disk begins to refuse calls, or to take them again. */
  #changeHealth(): void {
    if (!this.#options.isDiskFaulty) return;
    const random = this.#faultsRandom;
    if (this.#faults.health !== "well") {
      if (random.chance(0.15)) this.#faults.health = "well";
    } else if (random.chance(0.03)) this.#beginTrouble();
  }

  #beginTrouble(): void {
    this.#troubles += 1;
    this.#faults.health = this.#faultsRandom.chance(0.6) ? "full" : "failing";
  }

  #step(): void | Promise<void> {
    const { random } = this.#options;
    // Of an engine that takes no more writes, little more is to be seen.
    if (this.#live.problem() !== undefined && this.#faultsRandom.chance(0.1)) return this.#kill();
    const kind = random.fraction();
    if (kind < 0.45) return this.#hand();
    if (kind < 0.85) return void this.#schedule.step();
    if (kind < 0.9) return this.#look();
    if (kind < 0.94) return this.#flush();
    if (kind < 0.96) return void this.#schedule.passTime();
    if (kind < 0.98) return this.#rest();
    return random.chance(0.5) ? this.#restart() : this.#kill();
  }

  /** A process opens the engine: what it finds has to keep what was promised before. */
  async #start(former: Promised): Promise<void> {
    const number = this.#now;
    if (this.#options.isDiskFaulty && this.#faultsRandom.chance(0.2)) {
      const error = await this.#mount(number, true).catch((cause: unknown) => cause as Error);
      if (error && this.#faults.failed.size === 0) throw error;
      if (error) {
        this.#folder.kill();
        await this.#mount(this.#now, false);
      }
    } else await this.#mount(number, false);
    const found = this.#found(former, "after a start");
    const { length } = found.chain;
    // Until here what the former process promised holds.
    const promised = new Promised(this.#now, found.chain, length, found.durable);
    this.#promises.push(promised);
    if (this.#options.engine.durability === "fsync") promised.makeDurable(this.#now, length);
  }

  async #mount(number: number, isInTrouble: boolean): Promise<void> {
    const { random } = this.#options;
    this.#schedule = new Schedule(random.fork(`schedule ${number}`));
    this.#faults = new DiskFaults(this.#faultsRandom.fork(`calls ${number}`));
    if (isInTrouble) this.#beginTrouble();
    this.#folder = this.#disk.mount(this.#schedule, this.#faults);
    this.#subject = await this.#schedule.until(
      "open",
      this.#open({
        ...this.#options.engine,
        folder: this.#folder,
        clock: this.#schedule,
        random: random.fork(`engine ${number}`),
      }),
    );
  }

  #found(promised: Promised, when: string): Found {
    const problem = this.#live.problem();
    if (problem !== undefined && this.#faults.failed.size === 0) throw new Error(`${when}: ${problem}`);
    const content = this.#live.content();
    const bounds = { least: promised.kept, most: promised.handed };
    const found = promised.find(content, bounds, this.#now);
    if (found === undefined) throw new Error(`${when}: ${promised.explain(content, bounds, this.#now)}`);
    return found;
  }

  async #hand(): Promise<void> {
    if (this.#inFlight.size >= this.#options.inFlightMax) return void this.#schedule.step();
    const promised = this.#promised;
    const number = promised.chain.length;
    promised.chain.append(batchOf(this.#options.style, number));
    promised.hand(this.#now);
    const since = { troubles: this.#troubles, isWell: this.#faults.health === "well" };
    this.#track(
      this.#live.apply(batchOf(this.#options.style, number)).then(
        () => {
          promised.settle(number);
          if (this.#options.engine.durability === "fsync") promised.makeDurable(this.#now, number + 1);
          else promised.keep(this.#now, number + 1);
        },
        (error: unknown) => {
          if (promised === this.#promised) this.#refused(promised, number, error, since);
        },
      ),
    );
  }

  /** A batch failed: as the error says, it is not there, or nobody knows. */
  #refused(
    promised: Promised,
    number: number,
    error: unknown,
    since: { readonly troubles: number; readonly isWell: boolean },
  ): void {
    const wasWell = since.isWell && since.troubles === this.#troubles;
    if (!(error instanceof EkvError) || (wasWell && !this.#isBroken())) throw error;
    if (error.code === "OUTCOME_UNKNOWN") promised.forget(number);
    else if (error.notExecuted) promised.refuse(this.#now, number);
    else throw error;
  }

  /** Whether a call failed after which the engine may take no more writes. */
  #isBroken(): boolean {
    const calls: readonly DiskCall[] = ["sync", "folder sync", "truncate"];
    return calls.some((call) => this.#faults.failed.has(call));
  }

  #flush(): void {
    const promised = this.#promised;
    const acknowledged = promised.kept;
    this.#track(
      this.#live.flush().then(
        () => promised.makeDurable(this.#now, acknowledged),
        (error: unknown) => {
          if (!(error instanceof EkvError) || !this.#isBroken()) throw error;
        },
      ),
    );
  }

  /** What anybody can read has to stay: after a kill, and with `fsync` after a power cut. */
  #look(): void {
    const promised = this.#promised;
    const found = this.#found(promised, "while it is used");
    const { handed } = found;
    promised.see(found);
    if (this.#options.engine.durability === "fsync") promised.makeDurable(this.#now, handed);
    else promised.keep(this.#now, handed);
  }

  async #rest(): Promise<void> {
    await this.#schedule.until("what is in flight", Promise.all(this.#inFlight));
    if (this.#failure) throw this.#failure;
  }

  /** Closes the engine: everything is durable, unless it says otherwise, and nothing of the process is left. */
  async #stop(): Promise<void> {
    await this.#rest();
    let isDurable = true;
    await this.#schedule.until("close", this.#live.close()).catch((error: unknown) => {
      if (!(error instanceof EkvError) || !this.#isBroken()) throw error;
      isDurable = false;
    });
    const { openFiles } = this.#folder;
    const { timers } = this.#schedule;
    if (openFiles > 0 || timers > 0) {
      throw new Error(`${openFiles} files are open and ${timers} timers set after close()`);
    }
    if (isDurable) this.#promised.makeDurable(this.#now, this.#promised.handed);
  }

  async #restart(): Promise<void> {
    await this.#stop();
    await this.#start(this.#promised);
  }

  async #kill(): Promise<void> {
    this.#folder.kill();
    this.#inFlight.clear();
    this.#promised.end(this.#faults.failed.size > 0);
    await this.#start(this.#promised);
  }

  #track(promise: Promise<void>): void {
    const tracked = promise
      .catch((error: unknown) => {
        this.#failure ??= new Error(`a call failed: ${String(error)}`, { cause: error });
      })
      .finally(() => this.#inFlight.delete(tracked));
    this.#inFlight.add(tracked);
  }
}

/** Uses an engine on a disk as a seed says, and keeps what happened to the disk. Rejects when the engine breaks a promise. */
export function recordRun(options: RunOptions, open: OpenSubject, start: RunStart): Promise<RunRecord> {
  return new Run(options, open, start.disk).record(start.chain);
}

/** An empty disk. */
export function emptyStart(): RunStart {
  return { disk: new RecordedDisk(), chain: new Chain() };
}
