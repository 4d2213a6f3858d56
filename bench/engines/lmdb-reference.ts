import { type Database, open, type RootDatabase } from "lmdb";
import { count, counters, type MeasuredEngine } from "./measured-engine.js";

const prefixBytes = 6;
const deletedTogether = 256;

type Table = Database<Uint8Array, Uint8Array>;

/** [partition][generation][key], as stores had it when they kept their data on LMDB. */
function keyOf(partition: number, key: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(prefixBytes + key.length);
  bytes.writeUInt16BE(partition, 0);
  bytes.writeUInt32BE(1, 2);
  bytes.set(key, prefixBytes);
  return bytes;
}

/** As stores flushed it in the background. */
const flushEveryMs = 1000;

/** Flushes all that was committed to disk, in a worker thread. */
function flushed(environment: RootDatabase): Promise<void> {
  // Missing from lmdb's types (3.5.6); documented in its README.
  const syncing = environment as unknown as { sync(done: (error?: unknown) => void): void };
  return new Promise((resolve, reject) => {
    syncing.sync((error) => (error ? reject(error) : resolve()));
  });
}

/**
 * LMDB with nothing around it but what has to be there: data and counters in one transaction a commit, flushed once a second.
 * What our own engine is compared with.
 */
export function openLmdbReference(path: string): MeasuredEngine {
  const environment = open({ path, noSubdir: false, noSync: true });
  const flushing = setInterval(() => void flushed(environment), flushEveryMs).unref();
  const table = (name: string): Table =>
    environment.openDB<Uint8Array, Uint8Array>({ name, keyEncoding: "binary", encoding: "binary" });
  const data = table("data");
  const counted = table("counters");
  const rangeOf = (partition: number): { start: Buffer; end: Buffer } => ({
    start: keyOf(partition, Buffer.alloc(0)),
    end: keyOf(partition + 1, Buffer.alloc(0)),
  });
  return {
    get: (partition, key) => data.getBinaryFast(keyOf(partition, key)),
    commit: async (puts, partitions) =>
      environment.transactionSync(() => {
        for (const { partition, key, record } of puts) data.putSync(keyOf(partition, key), record);
        for (const partition of partitions) counted.putSync(keyOf(partition, Buffer.alloc(0)), counters);
      }),
    scan: (partition) => {
      const transaction = environment.useReadTransaction();
      const entries = count(data.getRange({ ...rangeOf(partition), transaction }));
      transaction.done();
      return entries;
    },
    drop: async (partition) => {
      for (;;) {
        const keys = Array.from(data.getKeys({ ...rangeOf(partition), limit: deletedTogether }));
        environment.transactionSync(() => {
          for (const key of keys) data.removeSync(key);
        });
        if (keys.length < deletedTogether) break;
      }
      counted.removeSync(keyOf(partition, Buffer.alloc(0)));
    },
    flush: () => flushed(environment),
    close: async () => {
      clearInterval(flushing);
      await flushed(environment);
      await environment.close();
    },
  };
}
