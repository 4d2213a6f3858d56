import { mkdir } from "node:fs/promises";
import { type Database, open } from "lmdb";
import type { EngineWrite } from "../../services/core/ports/storage-engine.js";
import { recordExpiresAtMs } from "../../services/core/record.js";

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
