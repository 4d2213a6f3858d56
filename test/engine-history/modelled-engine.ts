import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../services/core/ports/clock.js";
import type { Random } from "../../services/core/ports/random.js";
import type { GenerationName } from "../../services/core/ports/storage-engine.js";
import type { LogEngine } from "../../services/store/engine/log/log-engine.js";
import { openLogFolder } from "../../services/store/engine/log/log-folder.js";
import { type OpenReport, openLogEngine } from "../../services/store/engine/log/open-log.js";
import { differencesOf } from "../power-loss/content.js";
import { contentOf } from "../power-loss/engine-content.js";
import { type SingleWrite, withColumns } from "../support/engines.js";
import { countedFolder, type DiskCounts } from "./counted-folder.js";
import { Model } from "./model.js";

/** How an engine is opened, so small that cleaning and eviction go on all the time. */
export interface EngineSizes {
  readonly durability: "commit" | "fsync";
  readonly segmentBytes: number;
  readonly slackBytes: number;
  readonly memoryBytesMax: number;
  readonly checkpointBytes: number;
}

/** An engine on a real folder, and the map that it has to agree with. */
export class ModelledEngine {
  readonly name: string;
  readonly model: Model = new Model();
  readonly counts: DiskCounts = {
    ...{ coldReads: 0, loads: 0, segmentsMade: 0, segmentsRemoved: 0, checkpoints: 0 },
  };
  /** Starts that read the log from a checkpoint on. */
  checkpointsBelieved = 0;
  readonly #parent: string;
  readonly #sizes: EngineSizes;
  readonly #clock: Clock;
  readonly #random: Random;
  #starts = 0;
  #engine: LogEngine | undefined;
  #path = "";
  #pending: Promise<void>[] = [];

  /** @param parent a folder for its folders */
  constructor(name: string, parent: string, sizes: EngineSizes, clock: Clock, random: Random) {
    this.name = name;
    this.#parent = parent;
    this.#sizes = sizes;
    this.#clock = clock;
    this.#random = random;
  }

  get engine(): LogEngine {
    assert.ok(this.#engine);
    return this.#engine;
  }

  /** Commits writes, and may return before that is done. With `columns`, puts go in as a copy that arrives does. */
  commit(writes: readonly SingleWrite[], form: "single" | "columns" = "single"): void {
    this.model.apply(writes);
    this.#await(this.engine.commit(form === "columns" ? withColumns(writes) : writes));
  }

  /** Drops a generation, and may return before that is done. */
  drop(generation: GenerationName): void {
    this.model.drop(generation);
    this.#await(this.engine.dropGeneration(generation.partition, generation.generation));
  }

  /** Resolves when all that was begun is done: then reads agree with the model. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }

  async open(): Promise<void> {
    this.#path = this.#nextPath();
    this.#engine = await this.#open();
  }

  /** Stops the engine and opens its folder again. */
  async restart(): Promise<void> {
    await this.settle();
    await this.engine.close();
    this.#engine = await this.#open();
  }

  /** Opens what a process leaves behind that is killed now: its files as they are. */
  async kill(): Promise<void> {
    await this.settle();
    const [killed, killedPath] = [this.engine, this.#path];
    this.#path = this.#nextPath();
    copyNow(killedPath, this.#path);
    this.#engine = await this.#open();
    await killed.close();
    rmSync(killedPath, { recursive: true });
  }

  async close(): Promise<void> {
    await this.settle();
    await this.#engine?.close();
  }

  /** Compares everything, by every way of reading it. Throws what is different. */
  async compare(): Promise<void> {
    await this.settle();
    assert.equal(this.engine.problem(), undefined);
    const differences = differencesOf(contentOf(this.engine), this.model.content);
    assert.equal(differences.length, 0, `engine ${this.name} has ${differences.join("; ")}`);
  }

  async #open(): Promise<LogEngine> {
    let report: OpenReport | undefined;
    const engine = await openLogEngine({
      ...this.#sizes,
      folder: countedFolder(await openLogFolder(this.#path), this.counts),
      clock: this.#clock,
      random: this.#random,
      report: (found) => (report = found),
    });
    assert.deepEqual(report?.damages, [], "damage is reported");
    assert.ok(!report?.checkpoint?.includes("damaged"), report?.checkpoint);
    if (report?.checkpoint === undefined) this.checkpointsBelieved += 1;
    return engine;
  }

  #nextPath(): string {
    this.#starts += 1;
    return join(this.#parent, `${this.name}-${this.#starts}`);
  }

  #await(done: Promise<void>): void {
    // Who settles is told.
    done.catch(() => undefined);
    this.#pending.push(done);
  }
}

/** Copies files one after the other; one that is removed meanwhile is gone. */
function copyNow(from: string, to: string): void {
  mkdirSync(to);
  for (const name of readdirSync(from).toSorted()) {
    try {
      copyFileSync(join(from, name), join(to, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}
