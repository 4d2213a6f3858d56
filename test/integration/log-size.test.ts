import assert from "node:assert/strict";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setImmediate as endOfTurn } from "node:timers/promises";
import { type Epoch, brandAs } from "../../services/core/ids.js";
import type { EngineWrite } from "../../services/core/ports/storage-engine.js";
import { encodeRecord, recordValueOffset } from "../../services/core/record.js";
import { systemClock } from "../../services/runtime/clock.js";
import { systemRandom } from "../../services/runtime/random.js";
import { checkpointName } from "../../services/store/engine/log/checkpoint.js";
import { entryBytes } from "../../services/store/engine/log/layout.js";
import type { LogEngine } from "../../services/store/engine/log/log-engine.js";
import { type LogFolder, openLogFolder } from "../../services/store/engine/log/log-folder.js";
import { openLogEngine } from "../../services/store/engine/log/open-log.js";
import { deleteOf, generationOf, partitionOf, temporaryFolder } from "../support/engines.js";
import { countedFolder } from "../engine-history/counted-folder.js";
import { SeededRandom } from "../simulation/world/random.js";

/** How an engine is opened, and how much it holds. */
interface Sizes {
  readonly segmentBytes: number;
  /** Bytes that the log may take beyond twice its live data. */
  readonly slackBytes: number;
  /** Of each partition. */
  readonly keys: number;
}

const partitions = 16;
const keysPerCommit = 32;
const valueBytes = 2000;
const recordHeaderBytes: number = encodeRecord(
  { epoch: brandAs<Epoch>(1), seq: 1, expiresAtMs: 0 },
  Buffer.alloc(0),
).length;
/** Each load writes so many times what the log may take. */
const turnovers = 3;

/** A load that keeps count of what is live, and looks how large the log is. */
class CountedLoad {
  engine: LogEngine;
  readonly path: string;
  readonly sizes: Sizes;
  /** The most that the log took of what it may take. */
  peak = 0;
  /** Number in the value, by partition and key. */
  readonly live = new Map<string, number>();
  readonly #generations: number[] = Array.from({ length: partitions }, () => 1);
  #liveBytes = 0;
  #written = 0;
  #seq = 0;
  readonly #random = new SeededRandom(1);

  constructor(engine: LogEngine, path: string, sizes: Sizes) {
    this.engine = engine;
    this.path = path;
    this.sizes = sizes;
  }

  async fill(): Promise<void> {
    for (let partition = 0; partition < partitions; partition += 1) {
      for (let key = 0; key < this.sizes.keys; key += keysPerCommit) {
        await this.#commit(Array.from({ length: keysPerCommit }, (_, i) => this.#put(partition, key + i)));
      }
    }
  }

  overwrite(): Promise<void> {
    return this.#turnOver(async () => this.#commit(this.#drawn(keysPerCommit)));
  }

  /** In batches of a MiB. */
  overwriteTogether(): Promise<void> {
    return this.#turnOver(async () => this.#commit(this.#drawn(16 * keysPerCommit)));
  }

  /** Deletes as many keys as it writes; half of all are there. */
  delete(): Promise<void> {
    return this.#turnOver(async () => {
      const deletes = Array.from({ length: keysPerCommit }, () => this.#delete(...this.#anyKey()));
      await this.#commit([...deletes, ...this.#drawn(keysPerCommit)]);
    });
  }

  /** Everything that is written expires some commits later, and is deleted then. */
  expire(): Promise<void> {
    let nowMs = 1_000_000;
    const lifeMs = 1000 * Math.floor((partitions * this.sizes.keys) / keysPerCommit / 2);
    return this.#turnOver(async () => {
      nowMs += 1000;
      await this.#commit(this.#drawn(keysPerCommit, nowMs + lifeMs));
      const expired = this.engine.expired(nowMs, 2 * keysPerCommit);
      await this.#commit(expired.map(({ partition, key }) => this.#delete(partition, keyNumber(key))));
    });
  }

  /** Copies one partition after the other to another generation, and drops the one that it was. */
  move(): Promise<void> {
    let next = 0;
    return this.#turnOver(async () => {
      const partition = next++ % partitions;
      const from = this.#generations[partition] as number;
      const to = generationOf(from + 1);
      const snapshot = this.engine.snapshot(partitionOf(partition), generationOf(from));
      let bytes = 0;
      let batch: EngineWrite[] = [];
      for (const entry of snapshot.entries()) {
        batch.push({ kind: "put", partition: partitionOf(partition), generation: to, ...entry });
        const size = entryBytes(entry.key.length, entry.record.length);
        bytes += size;
        this.#liveBytes += size;
        if (batch.length === keysPerCommit) await this.#commit(batch.splice(0));
      }
      if (batch.length > 0) await this.#commit(batch);
      snapshot.close();
      this.#generations[partition] = to;
      await this.engine.dropGeneration(partitionOf(partition), generationOf(from));
      this.#liveBytes -= bytes;
    });
  }

  /** Throws unless the engine holds what is live, and nothing else. */
  assertWhole(): void {
    const found = new Map<string, number>();
    for (const { partition, generation } of this.engine.listGenerations()) {
      assert.equal(generation, this.#generations[partition], "a generation that was dropped is back");
      for (const { key, record } of this.engine.range(partition, generation)) {
        const value = Buffer.from(record).readUInt32LE(recordValueOffset(record));
        found.set(`${partition}/${keyNumber(key)}`, value);
      }
    }
    const wrong = [...found].filter(([name, value]) => this.live.get(name) !== value);
    assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} keys are not what they should be`);
    assert.equal(found.size, this.live.size);
  }

  async #turnOver(step: () => Promise<void>): Promise<void> {
    this.#written = 0;
    while (this.#written < turnovers * this.#allowedBytes) await step();
  }

  get #allowedBytes(): number {
    return 2 * this.#liveBytes + this.sizes.slackBytes;
  }

  #anyKey(): [partition: number, key: number] {
    return [this.#random.below(partitions), this.#random.below(this.sizes.keys)];
  }

  #drawn(count: number, expiresAtMs = 0): EngineWrite[] {
    return Array.from({ length: count }, () => this.#put(...this.#anyKey(), expiresAtMs));
  }

  #put(partition: number, key: number, expiresAtMs = 0): EngineWrite {
    this.#seq += 1;
    const value = Buffer.alloc(valueBytes);
    value.writeUInt32LE(this.#seq);
    const record = encodeRecord({ epoch: brandAs<Epoch>(1), seq: this.#seq, expiresAtMs }, value);
    this.#forget(partition, key);
    this.live.set(`${partition}/${key}`, this.#seq);
    const generation = generationOf(this.#generations[partition] as number);
    const put = { kind: "put", partition: partitionOf(partition), generation, key: keyName(key), record };
    this.#liveBytes += entryBytes(put.key.length, record.length);
    return put as EngineWrite;
  }

  #delete(partition: number, key: number): EngineWrite {
    this.#forget(partition, key);
    return deleteOf(partition, this.#generations[partition] as number, keyName(key));
  }

  #forget(partition: number, key: number): void {
    if (!this.live.delete(`${partition}/${key}`)) return;
    this.#liveBytes -= entryBytes(keyName(key).length, recordHeaderBytes + valueBytes);
  }

  async #commit(writes: readonly EngineWrite[]): Promise<void> {
    await this.engine.commit(writes);
    for (const write of writes) {
      if (write.kind === "put" || write.kind === "delete")
        this.#written += entryBytes(write.key.length, write.record.length);
    }
    // As in a store, the event loop turns between two commits.
    await endOfTurn();
    const bytes = logBytes(this.path);
    this.peak = Math.max(this.peak, bytes / this.#allowedBytes);
    assert.ok(
      bytes <= this.#allowedBytes,
      `the log has ${bytes} bytes, of which ${this.#liveBytes} are live: ${this.#allowedBytes} are allowed`,
    );
  }
}

function keyName(key: number): Buffer {
  return Buffer.from(`key-${String(key).padStart(8, "0")}`);
}

function keyNumber(name: Uint8Array): number {
  return Number(Buffer.from(name).toString().slice(4));
}

function logBytes(path: string): number {
  let bytes = 0;
  for (const name of readdirSync(path)) {
    if (name.endsWith(".log")) bytes += statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/** A real folder on a disk that keeps up with any load: how long syncs and removals take here must not decide. */
async function openKeepingUp(path: string): Promise<LogFolder> {
  const counts = { coldReads: 0, loads: 0, segmentsMade: 0, segmentsRemoved: 0, checkpoints: 0 };
  return {
    ...countedFolder(await openLogFolder(path), counts),
    remove: async (name) => rmSync(join(path, name)),
  };
}

const kinds = ["overwrite", "delete", "expire", "move"] as const;

/** The sizes on a disk that is large enough, and on a small one. */
const cases = [
  {
    durability: "commit",
    sizes: { segmentBytes: 8_388_608, slackBytes: 33_554_432, keys: 640 },
    kinds: [...kinds, "overwriteTogether"],
  },
  { durability: "fsync", sizes: { segmentBytes: 262_144, slackBytes: 1_048_576, keys: 32 }, kinds },
] as const;

for (const { durability, sizes, kinds: loads } of cases) {
  describe(`the log's size, ${durability}`, { timeout: 900_000 }, () => {
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    let load: CountedLoad;
    const open = async (): Promise<LogEngine> =>
      openLogEngine({
        folder: await openKeepingUp(folder.path),
        durability,
        clock: systemClock,
        random: systemRandom,
        segmentBytes: sizes.segmentBytes,
        slackBytes: sizes.slackBytes,
        checkpointBytes: 2 * sizes.slackBytes,
      });
    /** Opens from the checkpoint, then from the whole log: in neither case is anything back that was deleted. */
    const reopen = async (): Promise<void> => {
      for (const isWithout of [false, true]) {
        await load.engine.close();
        if (isWithout) rmSync(join(folder.path, checkpointName));
        load.engine = await open();
        load.assertWhole();
      }
    };
    before(async () => {
      folder = await temporaryFolder();
      load = new CountedLoad(await open(), folder.path, sizes);
      await load.fill();
    });
    after(async () => {
      await load.engine.close();
      await folder.remove();
    });

    for (const kind of loads) {
      test(`stays within twice the live data and the slack: ${kind}`, async (context) => {
        load.peak = 0;
        await load[kind]();
        context.diagnostic(`at most ${load.peak.toFixed(2)} of what is allowed`);
        load.assertWhole();
        await reopen();
      });
    }
  });
}
