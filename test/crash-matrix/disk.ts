import { existsSync } from "node:fs";
import { join } from "node:path";
import { PartitionDigest } from "../../services/core/digest.js";
import type { Generation, PartitionId } from "../../services/core/ids.js";
import type { StorageEngine } from "../../services/core/ports/storage-engine.js";
import { decodeCounters } from "../../services/core/store/counters.js";
import { PartitionEntry } from "../../services/gen/elastickv/v1/common.js";
import { systemClock } from "../../services/runtime/clock.js";
import { systemRandom } from "../../services/runtime/random.js";
import { openLogEngine } from "../../services/store/engine/log/open-log.js";
import { imageOfLog } from "../support/log-image.js";

/** What a store's disk holds. */
export interface DiskContents {
  /** Partitions that it is primary of by its live records. */
  readonly owned: readonly number[];
  /** Keys of its live generations. */
  readonly keys: number;
  /** Whatever should not be there, in words. */
  readonly problems: readonly string[];
}

/** Reads the log of a store, which may run: nothing is changed. */
export async function readDisk(storeId: string, folder: string): Promise<DiskContents> {
  const path = join(folder, "log");
  if (!existsSync(path)) return { owned: [], keys: 0, problems: [] };
  const damages: string[] = [];
  const engine = await openLogEngine({
    folder: imageOfLog(path),
    durability: "commit",
    clock: systemClock,
    random: systemRandom,
    report: (report) => {
      for (const { file, offset, what } of report.damages) damages.push(`${file} at ${offset}: ${what}`);
    },
  });
  try {
    const contents = inspect(storeId, engine);
    return { ...contents, problems: [...contents.problems, ...damages] };
  } finally {
    await engine.close();
  }
}

function inspect(storeId: string, engine: StorageEngine): DiskContents {
  const problems: string[] = [];
  const owned: number[] = [];
  let keys = 0;
  for (const { name } of engine.listMeta("staged/")) problems.push(`${storeId} has a staged copy: ${name}`);
  const live = new Map<number, number>();
  for (const { name, value } of engine.listMeta("live/")) {
    const partition = Number(name.slice("live/".length));
    const record = Buffer.from(value);
    live.set(partition, record.readUInt32BE(0));
    const { primary, backups, learners } = PartitionEntry.decode(record.subarray(4));
    if (primary?.storeId === storeId && backups.length + learners.length === 0) owned.push(partition);
    else
      problems.push(
        `${storeId} has a live record of partition ${partition}, of which it is not the sole owner`,
      );
  }
  for (const { partition, generation } of engine.listGenerations()) {
    const name = `${partition}/${generation}`;
    if (live.get(partition) !== generation) {
      problems.push(`${storeId} has data or counters of generation ${name}, which is not live`);
      continue;
    }
    const digest = digestOf(engine, partition, generation);
    keys += digest.keys;
    if (!digest.equals(decodeCounters(engine.getCounters(partition, generation)).digest)) {
      problems.push(`${storeId} has data of partition ${partition} that its counters do not describe`);
    }
  }
  return { owned, keys, problems };
}

function digestOf(engine: StorageEngine, partition: PartitionId, generation: Generation): PartitionDigest {
  const digest = new PartitionDigest();
  for (const { key, record } of engine.range(partition, generation)) digest.add(key, record);
  return digest;
}
