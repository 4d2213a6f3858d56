import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Client, codecs, connect } from "../../client/index.js";
import { MoveState, OperationState } from "../../services/gen/elastickv/v1/master.js";
import { adminService } from "../../services/wire/services.js";
import { CheckedLoad } from "../support/checked-load.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { waitFor } from "../support/wait-for.js";

const states = ["COPYING", "REPLICA_ADDED", "LEADERSHIP_TRANSFERRED"] as const;
const victims = ["source", "target", "master"] as const;

/**
 * Kills a process as soon as a move is seen in a state. Moves are many and short, so this hits the neighbourhood of each
 * step; the master's machine is restarted at every single commit in the unit tests.
 */
describe("kill -9 during moves, under load", () => {
  const cluster = new ProcessCluster([
    ...["--partitions", "256", "--initial-stores", "2", "--no-auto-join"],
    ...["--moves-in-flight-max", "8", "--move-rate-bytes-per-second", "600000"],
    ...["--heartbeat-interval-ms", "100", "--suspect-after-ms", "1000", "--monitor-interval-ms", "100"],
  ]);
  let client: Client<string>;

  before(async () => {
    await cluster.startMaster();
    await cluster.startStore("store-1");
    await cluster.startStore("store-2");
    await cluster.settled("store-1", "store-2");
    const seeds = [cluster.masterAddress, cluster.storeAddress("store-1"), cluster.storeAddress("store-2")];
    client = await connect({ seeds, codec: codecs.string, deadlineMs: 30_000 });
    const filler = "x".repeat(1000);
    await client.putMany(Array.from({ length: 3000 }, (_, i) => [`filler-${i}`, filler]));
    await cluster.startStore("store-3");
    await waitFor("store-3 to register", async () => (await cluster.list()).length === 3);
  });

  after(async () => {
    await client.close();
    await cluster.stop();
  });

  /** Gives store-3 its share or, when it has one, takes it away again. */
  const resize = async (): Promise<string> => {
    const stores = await cluster.list();
    const holds = (stores.find(({ storeId }) => storeId === "store-3")?.partitions ?? 0) > 0;
    const response = holds
      ? await cluster.admin(adminService.removeStore, { storeId: "store-3", dryRun: false, purge: false })
      : await cluster.admin(adminService.addStore, { storeId: "store-3", dryRun: false });
    assert.ok(response.result?.$case === "operation");
    return response.result.value.id;
  };

  /** A store that was removed ends by itself, a moment after its operation: starts it again. */
  const bringBack = async (): Promise<void> => {
    if ((await cluster.list()).length === 3) return;
    await cluster.stores.get("store-3")?.ended;
    await cluster.startStore("store-3");
    await waitFor("store-3 to register again", async () => (await cluster.list()).length === 3);
  };

  const kill = async (victim: string): Promise<void> => {
    if (victim === "master") {
      await cluster.master?.kill();
      await cluster.startMaster();
      return;
    }
    await cluster.stores.get(victim)?.kill();
    await cluster.startStore(victim);
  };

  for (const victim of victims) {
    for (const state of states) {
      it(`${victim} killed while a move is ${state}`, async () => {
        await bringBack();
        const load = new CheckedLoad(client, `${victim}-${state}`, 8, 40);
        const operationId = await resize();
        const move = await waitFor(`a move to be ${state}`, async () => {
          const { operation } = await cluster.admin(adminService.getOperation, { operationId });
          assert.notEqual(operation?.state, OperationState.SUCCEEDED, "the operation ended before the kill");
          return operation?.moves.find((one) => one.state === MoveState[state]);
        });
        await kill(
          victim === "master" ? victim : victim === "source" ? move.sourceStoreId : move.targetStoreId,
        );
        const callsAtKill = load.calls;
        const operation = await cluster.finished(operationId);
        assert.equal(operation.movesDone, operation.movesTotal);
        await waitFor("calls after the kill", () => load.calls > callsAtKill + 100);
        const report = await load.stop();
        assert.deepEqual(report.failures, []);
        assert.deepEqual(report.wrong, []);
        if (victim === "master") assert.equal(report.unknown, 0, "the master is off the data path");
        const values = await client.getMany(Array.from({ length: 3000 }, (_, i) => `filler-${i}`));
        assert.equal(
          values.filter((value) => value === undefined).length,
          0,
          "nothing that was there is gone",
        );
      });
    }
  }
});
