import type { DataSet } from "./data-set.js";
import type { DemoClient } from "./demo-client.js";
import type { KeyModel } from "./model.js";
import { ownerOf } from "./workload-context.js";

/** Keys of one call, and calls in flight at a time, of import, verification and deletion. */
const bulk = { keysPerCall: 500, callsInFlight: 4 } as const;

/** What is imported, and where to. */
export interface ImportContext {
  readonly client: Pick<DemoClient, "putMany">;
  readonly dataSet: DataSet;
  readonly model: KeyModel;
  readonly workers: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (keysDone: number) => void;
}

/** Stores the whole data set, each key's first write. Throws the first error. */
export async function importDataSet(context: ImportContext): Promise<void> {
  const { client, dataSet, model, workers, onProgress } = context;
  let done = 0;
  await inBulk(dataSet.size, context.signal, async (indexes) => {
    const writes = indexes.map((index) => model.beginWrite(index, "put"));
    const versions = await client.putMany(
      writes.map(({ index, number: counter }) => [
        dataSet.keyOf(index),
        { owner: ownerOf(index, workers), counter, record: dataSet.recordOf(index) },
      ]),
    );
    for (const [i, write] of writes.entries()) {
      const complaint = model.acknowledge(write, versions[i]);
      if (complaint !== undefined) throw new Error(`${dataSet.keyOf(write.index)} ${complaint}`);
    }
    done += indexes.length;
    onProgress?.(done);
  });
}

/** Deletes every key of the data set. */
export async function deleteDataSet(context: {
  readonly client: Pick<DemoClient, "deleteMany">;
  readonly dataSet: DataSet;
}): Promise<void> {
  const { client, dataSet } = context;
  await inBulk(dataSet.size, new AbortController().signal, async (indexes) => {
    await client.deleteMany(indexes.map((index) => dataSet.keyOf(index)));
  });
}

/** Runs a task over [0, size) in parts, a few at a time. Rejects with the first error; no part starts after it. */
export async function inBulk(
  size: number,
  signal: AbortSignal,
  task: (indexes: readonly number[]) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (next < size && !failed) {
      signal.throwIfAborted();
      const start = next;
      next = Math.min(size, start + bulk.keysPerCall);
      await task(Array.from({ length: next - start }, (_, i) => start + i));
    }
  };
  const lanes = Array.from({ length: bulk.callsInFlight }, () =>
    lane().catch((error: unknown) => {
      failed = true;
      throw error;
    }),
  );
  await Promise.all(lanes);
}
