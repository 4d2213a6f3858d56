import { batchOf, type BatchStyle } from "./batches.js";
import { Chain } from "./chain.js";
import { RecordedDisk, type RecordedFolder } from "./disk/recorded-disk.js";
import { Schedule } from "./disk/schedule.js";
import { Promised } from "./promised.js";
import type { SeededRandom } from "../simulation/world/random.js";
import type { OpenSubject, Subject, SubjectOptions } from "./subject.js";

/** How an engine is used in a run. */
export interface RunOptions {
  readonly random: SeededRandom;
  readonly style: BatchStyle;
  readonly engine: Pick<SubjectOptions, "durability" | "segmentBytes" | "memoryBytesMax">;
  /** Batches that are not acknowledged yet, at most. */
  readonly inFlightMax: number;
  /** Things that are done, one of them a batch mostly. */
  readonly steps: number;
}

/** A history of a disk, with what was promised meanwhile. */
export interface RunRecord {
  readonly disk: RecordedDisk;
  /** One for each process, in their order. */
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

  constructor(options: RunOptions, open: OpenSubject, disk: RecordedDisk) {
    this.#options = options;
    this.#open = open;
    this.#disk = disk;
    this.#folder = disk.mount(this.#schedule);
  }

  async record(chain: Chain): Promise<RunRecord> {
    await this.#start(new Promised(this.#now, chain, chain.length, chain.length));
    for (let step = 0; step < this.#options.steps; step += 1) {
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

  #step(): void | Promise<void> {
    const { random } = this.#options;
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
    this.#schedule = new Schedule(this.#options.random.fork(`schedule ${this.#now}`));
    this.#folder = this.#disk.mount(this.#schedule);
    this.#subject = await this.#schedule.until(
      "open",
      this.#open({
        ...this.#options.engine,
        folder: this.#folder,
        clock: this.#schedule,
        random: this.#options.random.fork(`engine ${this.#now}`),
      }),
    );
    const found = this.#found(former, "after a start");
    const promised = new Promised(former.from, former.chain.first(found), found, former.durable);
    // The promises of a process hold from the end of the former one: nobody promised anything in between.
    this.#promises.push(promised);
    if (this.#options.engine.durability === "fsync") promised.makeDurable(this.#now, found);
  }

  #found(promised: Promised, when: string): number {
    const content = this.#live.content();
    const { kept, handed, chain } = promised;
    const found = chain.find(content, kept, handed);
    if (found === undefined) throw new Error(`${when}: ${chain.explain(content, kept, handed)}`);
    return found;
  }

  async #hand(): Promise<void> {
    if (this.#inFlight.size >= this.#options.inFlightMax) return void this.#schedule.step();
    const promised = this.#promised;
    const batch = batchOf(this.#options.style, promised.chain.length);
    promised.chain.append(batch);
    const number = promised.chain.length;
    promised.hand(this.#now, number);
    this.#track(
      this.#live.apply(batch).then(() => {
        if (this.#options.engine.durability === "fsync") promised.makeDurable(this.#now, number);
        else promised.keep(this.#now, number);
      }),
    );
  }

  #flush(): void {
    const promised = this.#promised;
    const acknowledged = promised.kept;
    this.#track(this.#live.flush().then(() => promised.makeDurable(this.#now, acknowledged)));
  }

  /** What anybody can read has to stay: after a kill, and with `fsync` after a power cut. */
  #look(): void {
    const promised = this.#promised;
    const seen = this.#found(promised, "while it is used");
    if (this.#options.engine.durability === "fsync") promised.makeDurable(this.#now, seen);
    else promised.keep(this.#now, seen);
  }

  async #rest(): Promise<void> {
    await this.#schedule.until("what is in flight", Promise.all(this.#inFlight));
    if (this.#failure) throw this.#failure;
  }

  /** Closes the engine: everything is durable, and nothing of the process is left. */
  async #stop(): Promise<void> {
    await this.#rest();
    await this.#schedule.until("close", this.#live.close());
    const { openFiles } = this.#folder;
    const { timers } = this.#schedule;
    if (openFiles > 0 || timers > 0) {
      throw new Error(`${openFiles} files are open and ${timers} timers set after close()`);
    }
    this.#promised.makeDurable(this.#now, this.#promised.handed);
  }

  async #restart(): Promise<void> {
    await this.#stop();
    await this.#start(this.#endOf(this.#promised));
  }

  async #kill(): Promise<void> {
    this.#folder.kill();
    this.#inFlight.clear();
    await this.#start(this.#endOf(this.#promised));
  }

  /** The same promises, for what comes after the process. */
  #endOf({ chain, kept, handed, durable }: Promised): Promised {
    const promised = new Promised(this.#now, chain, kept, durable);
    promised.hand(this.#now, handed);
    return promised;
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
