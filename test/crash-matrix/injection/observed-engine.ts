import type { Generation, PartitionId } from "../../../services/core/ids.js";
import type {
  EngineEntry,
  EngineRangeBounds,
  EngineSnapshot,
  EngineWrite,
  StorageEngine,
} from "../../../services/core/ports/storage-engine.js";
import { PartitionEntry } from "../../../services/gen/elastickv/v1/common.js";
import * as real from "../../../services/store/engine/log/disk-log.js";
import type { StepName } from "../steps.js";
import { passCommit } from "./breakpoint.js";

const storeId = process.argv[process.argv.indexOf("--store-id") + 1];

/** Generation of a live record. */
function liveGeneration(value: Uint8Array): number {
  return Buffer.from(value).readUInt32BE(0);
}

/** What it means that a live record is written. */
function stepOfLive(value: Uint8Array): StepName | undefined {
  const { primary, backups, learners } = PartitionEntry.decode(value.subarray(4));
  if (primary?.storeId !== storeId) return "owner-adopted";
  if (backups.length > 0) return "backup-adopted";
  return learners.length > 0 ? "learner-adopted" : undefined;
}

/** The steps that a store's commit takes, each once. */
export function stepsOfBatch(
  batch: readonly EngineWrite[],
  getMeta: (name: string) => Uint8Array | undefined,
): StepName[] {
  const steps: StepName[] = [];
  const written = new Set<string>();
  for (const write of batch) {
    if (write.kind === "counters") written.add(`${write.partition}/${write.generation}`);
    if (write.kind !== "meta") continue;
    const { name, value } = write;
    const [kind, partition] = name.split("/");
    if (kind === "staged" && value) steps.push("copy-complete");
    else if (kind === "staged" && batch.some((other) => isLive(other, partition))) steps.push("copy-live");
    else if (kind === "live")
      steps.push(...(value ? [stepOfLive(value) ?? []].flat() : ["live-dropped" as const]));
  }
  for (const name of written) steps.push(...stepsOfData(batch, name, getMeta));
  return steps;
}

function isLive(write: EngineWrite, partition: string | undefined): boolean {
  return write.kind === "meta" && write.name === `live/${partition}` && write.value !== undefined;
}

/** Data goes to the live generation, or to a copy: before or after it was recorded as complete. */
function stepsOfData(
  batch: readonly EngineWrite[],
  name: string,
  getMeta: (name: string) => Uint8Array | undefined,
): StepName[] {
  const [partition, generation] = name.split("/").map(Number);
  const live = getMeta(`live/${partition}`);
  const isCopy = live === undefined || liveGeneration(live) !== generation;
  const hasData = batch.some(
    (write) =>
      (write.kind === "put" || write.kind === "puts" || write.kind === "delete") &&
      write.partition === partition,
  );
  if (!isCopy || !hasData) return [];
  return [getMeta(`staged/${partition}`) ? "later-write-applied" : "chunk-stored"];
}

class ObservedEngine implements StorageEngine {
  readonly #engine: StorageEngine;
  /** Something went live and was not flushed yet. */
  #unflushed = false;

  constructor(engine: StorageEngine) {
    this.#engine = engine;
  }

  get name(): StorageEngine["name"] {
    return this.#engine.name;
  }

  get(...key: Parameters<StorageEngine["get"]>): Uint8Array | undefined {
    return this.#engine.get(...key);
  }

  locate(...key: Parameters<StorageEngine["locate"]>): ReturnType<StorageEngine["locate"]> {
    return this.#engine.locate(...key);
  }

  getMeta(name: string): Uint8Array | undefined {
    return this.#engine.getMeta(name);
  }

  getCounters(partition: PartitionId, generation: Generation): Uint8Array | undefined {
    return this.#engine.getCounters(partition, generation);
  }

  listMeta(prefix: string): ReturnType<StorageEngine["listMeta"]> {
    return this.#engine.listMeta(prefix);
  }

  commit(batch: readonly EngineWrite[]): Promise<void> {
    const steps = stepsOfBatch(batch, (name) => this.#engine.getMeta(name));
    if (steps.includes("copy-live")) this.#unflushed = true;
    return passCommit(steps, () => this.#engine.commit(batch));
  }

  range(
    partition: PartitionId,
    generation: Generation,
    bounds?: EngineRangeBounds,
  ): IterableIterator<EngineEntry> {
    return this.#engine.range(partition, generation, bounds);
  }

  snapshot(partition: PartitionId, generation: Generation): EngineSnapshot {
    return this.#engine.snapshot(partition, generation);
  }

  expired(wallMs: number, limit: number, behind?: Uint8Array): ReturnType<StorageEngine["expired"]> {
    return this.#engine.expired(wallMs, limit, behind);
  }

  listGenerations(): ReturnType<StorageEngine["listGenerations"]> {
    return this.#engine.listGenerations();
  }

  dropGeneration(partition: PartitionId, generation: Generation): Promise<void> {
    return passCommit(["generation-dropped"], () => this.#engine.dropGeneration(partition, generation));
  }

  problem(): string | undefined {
    return this.#engine.problem();
  }

  flush(): Promise<void> {
    const steps: StepName[] = this.#unflushed ? ["copy-flushed"] : [];
    this.#unflushed = false;
    return passCommit(steps, () => this.#engine.flush());
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}

/** The real one's. */
export async function openDiskLog(options: real.DiskLogOptions): Promise<StorageEngine> {
  return new ObservedEngine(await real.openDiskLog(options));
}
