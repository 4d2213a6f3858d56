import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Database, open } from "lmdb";
import type { EngineWrite, StorageEngine } from "../../services/core/ports/storage-engine.js";
import { recordExpiresAtMs } from "../../services/core/record.js";
import { systemClock } from "../../services/runtime/clock.js";
import { systemRandom } from "../../services/runtime/random.js";
import { openLogEngine } from "../../services/store/engine/log/open-log.js";
import { imageOfLog } from "./log-image.js";

type Table = Database<Buffer, Buffer>;

/**
 * Writes the LMDB environment that a store of a former version would have after these writes: tables `data`, `expiry` and
 * `meta`, as docs/protocol.md described them.
 */
export async function writeFormerFolder(path: string, writes: Iterable<EngineWrite>): Promise<void> {
  await mkdir(path, { recursive: true });
  const env = open({ path, noSubdir: false, noSync: true });
  const table = (name: string): Table =>
    env.openDB<Buffer, Buffer>({ name, keyEncoding: "binary", encoding: "binary" });
  const [data, expiry, meta] = [table("data"), table("expiry"), table("meta")];
  env.transactionSync(() => {
    // Within a transaction the promises say nothing.
    for (const write of writes) {
      if (write.kind === "meta") {
        if (write.value !== undefined) void meta.put(Buffer.from(write.name), Buffer.from(write.value));
      } else if (write.kind === "counters") {
        void meta.put(
          Buffer.from(`counters/${write.partition}/${write.generation}`),
          Buffer.from(write.value),
        );
      } else if (write.kind === "put") {
        const head = Buffer.alloc(6);
        head.writeUInt16BE(write.partition, 0);
        head.writeUInt32BE(write.generation, 2);
        const key = Buffer.concat([head, write.key]);
        void data.put(key, Buffer.from(write.record));
        const expiresAtMs = recordExpiresAtMs(write.record);
        if (expiresAtMs === 0) continue;
        const moment = Buffer.alloc(6);
        moment.writeUIntBE(expiresAtMs, 0, 6);
        void expiry.put(Buffer.concat([moment, key]), Buffer.alloc(0));
      } else throw new Error(`a folder holds no ${write.kind}`);
    }
  });
  await env.flushed;
  await env.close();
}

/** The writes that make what an engine holds. */
function* writesOf(engine: StorageEngine): IterableIterator<EngineWrite> {
  for (const { name, value } of engine.listMeta("")) yield { kind: "meta", name, value };
  for (const { partition, generation } of engine.listGenerations()) {
    for (const entry of engine.range(partition, generation))
      yield { kind: "put", partition, generation, ...entry };
    const value = engine.getCounters(partition, generation);
    if (value !== undefined) yield { kind: "counters", partition, generation, value };
  }
}

/** Makes the folder of a stopped store one of a former version, with the same data. */
export async function makeFormer(storeFolder: string, durability: "commit" | "fsync"): Promise<void> {
  const log = join(storeFolder, "log");
  const engine = await openLogEngine({
    folder: imageOfLog(log),
    durability: "commit",
    clock: systemClock,
    random: systemRandom,
  });
  await writeFormerFolder(join(storeFolder, "lmdb"), writesOf(engine));
  await engine.close();
  await rm(log, { recursive: true });
  await writeFile(join(storeFolder, "settings.json"), JSON.stringify({ engine: "lmdb", durability }));
}

/** Makes the records of a stopped master those of one whose stores are of a former version. */
export async function makeMasterFormer(masterFolder: string): Promise<void> {
  const env = open<string, string>({ path: masterFolder, encoding: "string" });
  const records = [...env.getRange({ start: "store/", end: "store0" })];
  for (const { key, value } of records) {
    await env.put(key, JSON.stringify({ ...(JSON.parse(value) as object), engine: "lmdb" }));
  }
  await env.close();
  if (records.length === 0) throw new Error("the master knows no store");
}
