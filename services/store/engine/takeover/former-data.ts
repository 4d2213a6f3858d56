import { statSync } from "node:fs";
import { join } from "node:path";
import { type Database, open } from "lmdb";
import { type Generation, type PartitionId, brandAs } from "../../../core/ids.js";
import { limits } from "../../../core/limits.js";
import type { EngineWrite } from "../../../core/ports/storage-engine.js";
import { storageOpenError } from "../../../runtime/storage-error.js";

/**
 * What stores of former versions kept in an LMDB environment. Table `data`: `[partition u16][generation u32][key]` → record;
 * table `meta`: named values, the counters of a generation among them. A third, `expiry`, follows from the records.
 */
type Table = Database<Buffer, Buffer>;

const prefixBytes = 6;
const countersPattern = /^counters\/(\d+)\/(\d+)$/;

/** Some of the former data, in the order in which it is read. */
export interface FormerBatch {
  readonly writes: readonly EngineWrite[];
  /** Of the last one: reading goes on after it. */
  readonly position: Buffer;
  readonly records: number;
}

/** Names the file in a folder of former data: it has another name when anything was written to it. Undefined: there is none. */
export function formerFile(folder: string): string | undefined {
  const file = statSync(join(folder, formerFileName), { throwIfNoEntry: false });
  return file && `${file.size} bytes of ${file.mtimeMs}`;
}

/** LMDB's name for the file that holds everything. */
export const formerFileName = "data.mdb";

function openTable(env: ReturnType<typeof open>, name: string): Table {
  return env.openDB<Buffer, Buffer>({ name, keyEncoding: "binary", encoding: "binary" });
}

function dataWrite(key: Buffer, record: Buffer): EngineWrite {
  return {
    kind: "put",
    partition: brandAs<PartitionId>(key.readUInt16BE(0)),
    generation: brandAs<Generation>(key.readUInt32BE(2)),
    key: key.subarray(prefixBytes),
    record,
  };
}

function metaWrite(key: Buffer, value: Buffer): EngineWrite {
  const name = key.toString();
  const [, partition, generation] = countersPattern.exec(name) ?? [];
  if (partition === undefined || generation === undefined) return { kind: "meta", name, value };
  return {
    kind: "counters",
    partition: brandAs<PartitionId>(Number(partition)),
    generation: brandAs<Generation>(Number(generation)),
    value,
  };
}

/** The data of a former version, which is read and never changed. */
export class FormerData {
  readonly #env: ReturnType<typeof open>;
  readonly #tables: readonly { readonly table: Table; toWrite(key: Buffer, value: Buffer): EngineWrite }[];
  /** Records and named values. */
  readonly records: number;
  /** Bytes of the pages that hold them. */
  readonly bytes: number;

  private constructor(env: ReturnType<typeof open>) {
    this.#env = env;
    const data = openTable(env, "data");
    const meta = openTable(env, "meta");
    this.#tables = [
      { table: data, toWrite: dataWrite },
      { table: meta, toWrite: metaWrite },
    ];
    const stats = [data, meta].map((table) => table.getStats() as TableStats);
    this.records = stats.reduce((sum, { entryCount }) => sum + entryCount, 0);
    this.bytes = stats.reduce(
      (sum, { pageSize, treeLeafPageCount, overflowPages }) =>
        sum + pageSize * (treeLeafPageCount + overflowPages),
      0,
    );
  }

  /** Opens the environment in a folder. Throws an EkvError when it cannot be read. */
  static open(folder: string): FormerData {
    try {
      return new FormerData(open({ path: folder, readOnly: true, noSubdir: false }));
    } catch (error) {
      throw storageOpenError(folder, error);
    }
  }

  /** Everything after a position, or all of it, in batches that fit into memory. */
  *batches(position: Buffer): IterableIterator<FormerBatch> {
    const first = position[0] ?? 0;
    for (const [number, { table, toWrite }] of this.#tables.entries()) {
      if (number < first) continue;
      let after = number === first ? position.subarray(1) : Buffer.alloc(0);
      for (;;) {
        const writes: EngineWrite[] = [];
        let bytes = 0;
        for (const { key, value } of table.getRange(behind(after))) {
          writes.push(toWrite(key, value));
          after = key;
          bytes += key.length + value.length;
          if (bytes >= limits.takeoverBatchBytes || writes.length === limits.takeoverBatchRecords) break;
        }
        if (writes.length === 0) break;
        yield { writes, position: Buffer.concat([Buffer.of(number), after]), records: writes.length };
      }
    }
  }

  async close(): Promise<void> {
    await this.#env.close();
  }
}

function behind(key: Buffer): { readonly start?: Buffer; readonly exclusiveStart?: boolean } {
  return key.length === 0 ? {} : { start: key, exclusiveStart: true };
}

/** What lmdb 3.5.6 tells of a table, missing from its types. */
interface TableStats {
  readonly pageSize: number;
  readonly entryCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}
