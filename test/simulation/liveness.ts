import type { AdminClient } from "../../client/admin.js";
import { OperationState } from "../../services/gen/elastickv/v1/master.js";
import { findLeftovers } from "./checkers/disks.js";
import type { Cluster } from "./cluster.js";
import type { World } from "./world/world.js";

/** Once everything works again, how long each thing may take, in virtual microseconds. */
const patienceUs = 180_000_000;
const pollUs = 250_000;

/** Waits for a condition, asked for again and again; throws what it said last. */
async function waitUntil(
  world: World,
  what: string,
  problemOf: () => Promise<string | undefined>,
): Promise<void> {
  const untilUs = world.nowUs + patienceUs;
  let problem: string | undefined = "it was not looked at";
  let over = false;
  let failure: unknown;
  const ask = (): void => {
    problemOf().then(
      (found) => {
        problem = found;
        over = found === undefined;
        if (!over) world.after(pollUs, "poll", ask);
      },
      (error: unknown) => {
        problem = String(error);
        if (error instanceof Error && !("code" in error)) failure = error;
        else world.after(pollUs, "poll", ask);
      },
    );
  };
  ask();
  await world.run(untilUs, () => over || failure !== undefined);
  if (failure !== undefined) throw failure as Error;
  if (!over) throw new Error(`${what}: not within ${patienceUs / 1e6} s: ${problem}`);
}

/** Every operation ends, paused ones when they are resumed. */
export async function waitForOperations(world: World, admin: () => AdminClient): Promise<void> {
  await waitUntil(world, "every operation ends", async () => {
    const { operations } = await admin().listOperations({ activeOnly: true });
    for (const { id, state } of operations) {
      if (state === OperationState.PAUSED) await admin().resumeOperation({ operationId: id });
    }
    return operations.length === 0
      ? undefined
      : operations.map(({ id, state, message }) => `${id} ${state} ${message}`).join("; ");
  });
}

/** A rebalance leaves every store within one partition of its share. */
export async function waitForBalance(cluster: Cluster, admin: () => AdminClient): Promise<void> {
  const { world } = cluster.machines;
  await waitUntil(world, "the ring is balanced", async () => {
    const { stores } = await admin().listStores();
    const down = stores.filter(({ alive }) => !alive);
    if (down.length > 0) return `${down.map(({ storeId }) => storeId).join(", ")} did not come back`;
    const { operations } = await admin().listOperations({ activeOnly: true });
    if (operations.length > 0) return `${operations.length} operations are under way`;
    const share = cluster.options.partitions / stores.length;
    const uneven = stores.filter(({ partitions }) => Math.abs(partitions - share) >= 1);
    if (uneven.length === 0 || cluster.options.placement !== "balanced") return undefined;
    await admin().rebalance({ dryRun: false });
    return uneven.map(({ storeId, partitions }) => `${storeId} has ${partitions} of ${share}`).join(", ");
  });
}

/** Nothing staged, no orphan, every partition live once, and counters that are true. */
export async function waitForCleanDisks(cluster: Cluster): Promise<void> {
  const { world } = cluster.machines;
  await waitUntil(world, "the disks are clean", () => {
    const views = [...cluster.stores.values()].map((node) => ({
      storeId: node.storeId,
      disk: node.disk.contents,
      live: (node.store?.kvMap.partitions ?? []).flatMap(({ id, generation, readable }) =>
        readable && generation !== undefined ? [{ partition: id, generation }] : [],
      ),
    }));
    const problems = findLeftovers(views, cluster.options.partitions);
    return Promise.resolve(problems.length === 0 ? undefined : problems.slice(0, 5).join("; "));
  });
}

/** Every call that was begun ends, one way or the other. */
export async function waitForAnswers(world: World, open: () => number): Promise<void> {
  await waitUntil(world, "every call is answered", () =>
    Promise.resolve(open() === 0 ? undefined : `${open()} calls are open`),
  );
}

/** Something succeeds, if it is tried again and again. */
export async function waitForSuccess(
  world: World,
  what: string,
  work: () => Promise<boolean>,
): Promise<void> {
  await waitUntil(world, what, async () => ((await work()) ? undefined : "it did not succeed"));
}
