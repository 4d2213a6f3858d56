import { existsSync } from "node:fs";
import { type Database, open } from "lmdb";
import { PartitionDigest } from "../../services/core/digest.js";
import { brandAs, type Generation, type PartitionId } from "../../services/core/ids.js";
import { decodeCounters } from "../../services/core/store/counters.js";
import { PartitionEntry } from "../../services/gen/elastickv/v1/common.js";
import { generationOf, prefixBytes } from "../../services/store/engine/layout.js";
import { countersName } from "../../services/store/engine/lmdb-counters.js";

/** What a store's disk holds. */
export interface DiskContents {
  /** Partitions that it is primary of by its live records. */
  readonly owned: readonly number[];
  /** Keys of its live generations. */
  readonly keys: number;
  /** Whatever should not be there, in words. */
  readonly problems: readonly string[];
}

type Table = Database<Buffer, Buffer>;

/** Reads the LMDB folder of a store, which may run: nothing is changed. */
export async function readDisk(storeId: string, folder: string): Promise<DiskContents> {
  const path = `${folder}/lmdb`;
  if (!existsSync(path)) return { owned: [], keys: 0, problems: [] };
  const env = open({ path, readOnly: true, noSubdir: false });
  try {
    const table = (name: string): Table =>
      env.openDB<Buffer, Buffer>({ name, keyEncoding: "binary", encoding: "binary" });
    return inspect(storeId, table("data"), table("meta"));
  } finally {
    await env.close();
  }
}

function inspect(storeId: string, data: Table, meta: Table): DiskContents {
  const found = digestsOf(data);
  const problems: string[] = [];
  const owned: number[] = [];
  let keys = 0;
  const live = new Set<string>();
  for (const { key, value } of meta.getRange({})) {
    const [kind, partition, generation] = key.toString().split("/");
    if (kind === "staged") problems.push(`${storeId} has a staged copy of partition ${partition}`);
    if (kind === "counters" && generationIn(meta, partition) !== Number(generation)) {
      problems.push(`${storeId} has counters of generation ${generation} of partition ${partition}`);
    }
    if (kind !== "live") continue;
    const name = `${partition}/${value.readUInt32BE(0)}`;
    live.add(name);
    const { primary, backups, learners } = PartitionEntry.decode(value.subarray(4));
    if (primary?.storeId === storeId && backups.length + learners.length === 0) owned.push(Number(partition));
    else
      problems.push(
        `${storeId} has a live record of partition ${partition}, of which it is not the sole owner`,
      );
    const digest = found.get(name) ?? new PartitionDigest();
    keys += digest.keys;
    if (!digest.equals(countersOf(meta, name))) {
      problems.push(`${storeId} has data of partition ${partition} that its counters do not describe`);
    }
  }
  for (const name of found.keys()) {
    if (!live.has(name)) problems.push(`${storeId} has data of generation ${name}, which is not live`);
  }
  return { owned, keys, problems };
}

function generationIn(meta: Table, partition: string | undefined): number | undefined {
  return meta.get(Buffer.from(`live/${partition}`))?.readUInt32BE(0);
}

function countersOf(meta: Table, name: string): PartitionDigest {
  const [partition = 0, generation = 0] = name.split("/").map(Number);
  const key = countersName(brandAs<PartitionId>(partition), brandAs<Generation>(generation));
  return decodeCounters(meta.get(Buffer.from(key))).digest;
}

/** The digest of each generation's data, by `<partition>/<generation>`. */
function digestsOf(data: Table): Map<string, PartitionDigest> {
  const digests = new Map<string, PartitionDigest>();
  for (const { key, value } of data.getRange({})) {
    const { partition, generation } = generationOf(key);
    const name = `${partition}/${generation}`;
    const digest = digests.get(name) ?? new PartitionDigest();
    digests.set(name, digest);
    digest.add(key.subarray(prefixBytes), value);
  }
  return digests;
}
