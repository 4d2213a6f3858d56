import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { StorageEngine } from "../../services/core/ports/storage-engine.js";
import { systemClock } from "../../services/runtime/clock.js";
import { systemRandom } from "../../services/runtime/random.js";
import { openDiskLog } from "../../services/store/engine/log/disk-log.js";
import { putOf, temporaryFolder } from "../support/engines.js";
import { HandCluster, type HandStore } from "../support/hand-cluster.js";
import { RawClient } from "../support/raw-client.js";
import { waitFor } from "../support/wait-for.js";
import { GetRequest } from "../../services/gen/elastickv/v1/store.js";
import { storeService } from "../../services/wire/services.js";

const keys = 200_000;
const commitKeys = 10_000;
/** At 1,000 keys a second it would take 200 s. */
const waitMs = 150_000;

describe("a store with many keys that have expired", { timeout: 400_000 }, () => {
  let cluster: HandCluster;
  let store: HandStore;
  let engine: StorageEngine;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  before(async () => {
    folder = await temporaryFolder();
    engine = await openDiskLog({
      path: folder.path,
      durability: "commit",
      clock: systemClock,
      random: systemRandom,
    });
    cluster = new HandCluster(1);
    store = await cluster.start("s1", engine);
    await cluster.assignAll(store);
  });

  after(async () => {
    await cluster.stop();
    await engine.close();
    await folder.remove();
  });

  it("deletes them all, answers meanwhile, and says how late it is", async () => {
    const [partition] = store.store.kvMap.partitions;
    const generation = partition?.generation;
    assert.ok(generation !== undefined);
    for (let at = 0; at < keys; at += commitKeys) {
      await engine.commit(
        Array.from({ length: commitKeys }, (_, i) => putOf(0, generation, `key ${at + i}`, "", 1000)),
      );
    }
    const client = new RawClient(store.server.address);
    let lagMs = 0;
    await waitFor(
      "the expired keys to be gone",
      async () => {
        await client.call(storeService.get, GetRequest.fromPartial({ key: Buffer.from("none") }));
        lagMs = Math.max(lagMs, store.store.load().expiryLagMs);
        return engine.expired(systemClock.wallMs(), 1).length === 0;
      },
      waitMs,
    );
    client.close();
    assert.ok(lagMs > 1_000_000, `the oldest had expired in 1970, and the store was ${lagMs} ms late`);
    await waitFor("the store to be in time", () => store.store.load().expiryLagMs === 0);
  });
});
