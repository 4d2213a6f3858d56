import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Operation, OperationState } from "../../../services/gen/elastickv/v1/master.js";
import { ElasticCluster } from "../../processes/elastic-cluster.js";
import { fillPeer } from "../../processes/load-process.js";
import type { SystemOptions } from "../../systems/system.js";
import type { MoveFigures, Resizing } from "./resizing.js";

/** Once it has begun, questions come further apart: the master answers them in time that is measured. */
const pollMs = { pending: 10, begun: 50 };
const resizeTimeoutMs = 300_000;

/** Elastic-KV: a store is started, joins, and its share moves to it. */
export async function elasticResizing(options: SystemOptions): Promise<Resizing> {
  const cluster = await ElasticCluster.start({
    folder: join(options.folder, "elastic"),
    stores: options.nodes,
    profileFolder: options.profileFolder,
  });
  const peer = { kind: "elastic", seeds: cluster.seeds } as const;
  await fillPeer(peer, options);
  let number = options.nodes;
  const newest = async (): Promise<Operation | undefined> =>
    (await cluster.admin.listOperations({ activeOnly: false })).operations[0];
  return {
    name: "elastic-kv",
    peer,
    prepare: () => Promise.resolve(),
    grow: async (moving) => {
      number += 1;
      const storeId = `store-${number}`;
      cluster.startStore(storeId);
      return await Promise.race([followed(newest, storeId, moving), cluster.failure]);
    },
    shrink: async () => {
      const storeId = `store-${number}`;
      await cluster.removeStore(storeId);
      await cluster.settled();
    },
    stop: () => cluster.stop(),
  };
}

/** Follows the newest operation on a store to its end. */
async function followed(
  newest: () => Promise<Operation | undefined>,
  storeId: string,
  moving: () => void,
): Promise<MoveFigures> {
  const endMs = performance.now() + resizeTimeoutMs;
  let begun = false;
  while (performance.now() < endMs) {
    const operation = await newest();
    const ours = operation?.storeId === storeId && operation.startedAtMs > 0 ? operation : undefined;
    if (ours && !begun) {
      begun = true;
      moving();
    }
    if (ours?.state === OperationState.SUCCEEDED) return figuresOf(ours);
    if (ours?.state === OperationState.FAILED) throw new Error(`the resize failed: ${ours.message}`);
    await delay(begun ? pollMs.begun : pollMs.pending);
  }
  throw new Error(`${storeId}: the resize took longer than ${resizeTimeoutMs} ms`);
}

function figuresOf(operation: Operation): MoveFigures {
  return {
    keys: operation.keysMoved,
    seconds: (operation.finishedAtMs - operation.startedAtMs) / 1000,
    movedOverMinimum: operation.movesMinimum === 0 ? undefined : operation.movesDone / operation.movesMinimum,
    pauses: operation.pauses && {
      p50Ms: operation.pauses.p50Ms,
      p99Ms: operation.pauses.p99Ms,
      maxMs: operation.pauses.maxMs,
    },
  };
}
