import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import { brandAs, type OperationId, type StoreId, type TopologyVersion } from "../../services/core/ids.js";
import type { OperationView } from "../../services/core/master/state/committed-view.js";
import { MasterMachine } from "../../services/core/master/machine.js";
import { clusterChange } from "../../services/core/master/state/persistence.js";
import type { Clock } from "../../services/core/ports/clock.js";
import type { Launcher } from "../../services/core/ports/launcher.js";
import type { MetadataChange, MetadataStore } from "../../services/core/ports/metadata-store.js";
import type { Topology } from "../../services/core/topology.js";
import { planCluster } from "../../services/master/cluster.js";
import { Driver } from "../../services/master/driver.js";
import { HeartbeatStreams } from "../../services/master/heartbeat-streams.js";
import { OperationFeed } from "../../services/master/operation-feed.js";
import type { Logger } from "../../services/runtime/log.js";
import { TopologyFeed } from "../../services/runtime/topology-feed.js";
import { benchOptions, clusterId } from "../support/master-bench.js";

/** Commits when the test says so. */
class HeldMetadata implements MetadataStore {
  readonly commits: { readonly changes: readonly MetadataChange[]; settle(error?: Error): void }[] = [];

  load(): Promise<ReadonlyMap<string, string>> {
    return Promise.resolve(new Map());
  }

  commit(changes: readonly MetadataChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.commits.push({ changes, settle: (error) => (error ? reject(error) : resolve()) });
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Timers fire when the test moves the time. */
class HandClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): { cancel(): void } {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  endOfTurn(callback: () => void): void {
    setImmediate(callback);
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const timer of [...this.#timers].filter(({ atMs }) => atMs <= this.#nowMs)) {
      this.#timers.delete(timer);
      timer.callback();
    }
  }
}

const silent: Logger = {
  debugEnabled: false,
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silent,
};

const noLauncher: Launcher = {
  name: "none",
  launch: () => Promise.reject(new EkvError("FAILED_PRECONDITION", "there is none")),
  remove: () => Promise.resolve(),
  list: () => Promise.resolve([]),
  close: () => Promise.resolve(),
};

interface Run {
  readonly driver: Driver;
  readonly metadata: HeldMetadata;
  readonly feed: TopologyFeed;
  readonly fatal: unknown[];
  readonly clock: HandClock;
}

function run(): Run {
  const created = clusterChange({ clusterId, partitionCount: 4, createdAtMs: 0 });
  const metadata = new HeldMetadata();
  const clock = new HandClock();
  const feed = new TopologyFeed();
  const fatal: unknown[] = [];
  const committed = new Map([[created.key, created.value ?? ""]]);
  const driver = new Driver({
    machine: MasterMachine.restore(committed, benchOptions, 0),
    full: undefined,
    restore: async (newTerm) => {
      if (newTerm) await metadata.commit([{ key: "term", value: "2" }]);
      return MasterMachine.restore(newTerm ? committed.set("term", "2") : committed, benchOptions, 0);
    },
    metadata,
    launcher: noLauncher,
    clock,
    random: { fraction: () => 0, hex: () => "" },
    log: silent,
    feed,
    operationFeed: new OperationFeed(clock),
    streams: new HeartbeatStreams({ moveRateBytesPerSecond: 0 }),
    monitorIntervalMs: 500,
    probe: () => Promise.resolve(true),
    onFatal: (error) => fatal.push(error),
  });
  return { driver, metadata, feed, fatal, clock };
}

function register(driver: Driver, storeId: string): Promise<unknown> {
  return driver.register({
    storeId,
    clusterId: undefined,
    partitionCount: undefined,
    address: `${storeId}:1`,
    weight: 1,
    processId: `process of ${storeId}`,
    dataLossAccepted: false,
    held: [],
    storedVersion: brandAs<TopologyVersion>(0),
    completeMoves: [],
  });
}

/** Everything that can happen without a commit has happened. */
async function idle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("the driver", () => {
  it("tells nobody before the commit", async () => {
    const { driver, metadata, feed } = run();
    let answered = false;
    const registered = register(driver, "store-1").then(() => {
      answered = true;
    });
    await idle();
    assert.deepEqual([answered, feed.topology?.stores.length, metadata.commits.length], [false, 0, 1]);
    metadata.commits[0]?.settle();
    await registered;
    assert.equal(feed.topology?.stores.length, 1);
    assert.equal(feed.topology.partitions[0]?.epoch, 1);
  });

  it("puts what happens during a commit into one next commit, each key once, and one push", async () => {
    const { driver, metadata, feed } = run();
    const registered = [register(driver, "store-1")];
    await idle();
    registered.push(register(driver, "store-2"), register(driver, "store-3"));
    await idle();
    assert.equal(metadata.commits.length, 1);
    const versions: number[] = [];
    const watching = new AbortController();
    const watched = feed.watch(
      {
        send: (update) => {
          const topology: Pick<Topology, "version"> =
            update.kind === "snapshot" ? update.topology : update.delta;
          versions.push(topology.version);
          return Promise.resolve();
        },
      },
      0,
      watching.signal,
    );
    metadata.commits[0]?.settle();
    await idle();
    const keys = metadata.commits[1]?.changes.map(({ key }) => key) ?? [];
    assert.equal(new Set(keys).size, keys.length);
    assert.ok(keys.includes("store/store-2") && keys.includes("store/store-3"));
    metadata.commits[1]?.settle();
    await Promise.all(registered);
    await idle();
    assert.deepEqual(versions, [0, 1, 3]);
    watching.abort();
    await watched;
  });

  it("stops for good when a commit fails, saying that the outcome is not known", async () => {
    const { driver, metadata, fatal, feed } = run();
    const registered = register(driver, "store-1");
    await idle();
    metadata.commits[0]?.settle(new Error("the disk is gone"));
    await assert.rejects(registered, { code: "OUTCOME_UNKNOWN" });
    assert.equal(fatal.length, 1);
    assert.equal(feed.topology?.stores.length, 0);
    await assert.rejects(register(driver, "store-2"), { code: "UNAVAILABLE" });
    assert.equal(metadata.commits.length, 1);
  });

  it("takes back what a full disk refused, answers readers, and goes on under a new term when there is room", async () => {
    const { driver, metadata, fatal, feed, clock } = run();
    const full = new EkvError("RESOURCE_EXHAUSTED", "no space left", { notExecuted: true });
    const refused = {
      code: "RESOURCE_EXHAUSTED",
      notExecuted: true,
      message: /nothing was changed: no space/,
    };
    const registered = [register(driver, "store-1"), register(driver, "store-2")];
    await idle();
    metadata.commits[0]?.settle(full);
    for (const answer of registered) await assert.rejects(answer, refused);
    await assert.rejects(register(driver, "store-1"), refused);
    await assert.rejects(driver.administer({ kind: "rebalance", dryRun: false }), refused);
    assert.deepEqual([fatal.length, feed.topology?.stores.length, metadata.commits.length], [0, 0, 1]);
    assert.match(driver.problems().join(), /records no decisions since .*: no space left/);

    clock.advance(2000);
    await idle();
    metadata.commits[1]?.settle(full);
    await idle();
    assert.equal(driver.problems().length, 1, "there is still no room");
    clock.advance(2000);
    await idle();
    assert.deepEqual(
      metadata.commits[2]?.changes.map(({ key }) => key),
      ["term"],
    );
    metadata.commits[2]?.settle();
    await idle();
    assert.deepEqual([driver.problems(), feed.topology?.term], [[], 2]);
    const again = register(driver, "store-1");
    await idle();
    metadata.commits[3]?.settle();
    await again;
    assert.equal(feed.topology?.stores.length, 1);
  });

  it("finishes what was committed when it is stopped, and refuses more", async () => {
    const { driver, metadata } = run();
    const registered = register(driver, "store-1");
    await idle();
    const stopped = driver.stop();
    metadata.commits[0]?.settle();
    await stopped;
    await registered;
    await assert.rejects(register(driver, "store-2"), { code: "UNAVAILABLE" });
  });
});

describe("the feed of operations", () => {
  const operationId = brandAs<OperationId>("operation-1");

  function view(movesDone: number, finished = false): OperationView {
    return {
      operation: {
        id: operationId,
        task: { kind: "remove-store", storeId: "store-1" as StoreId, purge: false },
        stage: finished
          ? { kind: "finished", outcome: "succeeded", startedAtMs: 0, finishedAtMs: 1 }
          : { kind: "moving", startedAtMs: 0 },
        createdAtMs: 0,
        movesTotal: 9,
        movesDone,
        movesFailed: 0,
        movesMinimum: 9,
        keysTotal: 0,
        keysMoved: 0,
        bytesTotal: 0,
        bytesMoved: 0,
        message: "",
      },
      moves: [],
      keysMoved: 0,
      bytesMoved: 0,
    };
  }

  it("tells progress ten times a second at most, the newest only, and ends with the operation", async () => {
    const clock = new HandClock();
    const feed = new OperationFeed(clock);
    let present = view(0);
    const sent: number[] = [];
    const watched = feed.watch({
      operationId,
      signal: new AbortController().signal,
      read: () => present,
      send: ({ operation }) => {
        sent.push(operation.movesDone);
        return Promise.resolve();
      },
    });
    const change = async (next: OperationView): Promise<void> => {
      present = next;
      feed.changed(new Set([operationId]));
      await idle();
    };
    await idle();
    for (const movesDone of [1, 2, 3]) await change(view(movesDone));
    assert.deepEqual(sent, [0]);
    clock.advance(100);
    await idle();
    assert.deepEqual(sent, [0, 3]);
    await change(view(9, true));
    clock.advance(100);
    await watched;
    assert.deepEqual(sent, [0, 3, 9]);
  });

  it("lets go of a watcher that has gone", async () => {
    const feed = new OperationFeed(new HandClock());
    const gone = new AbortController();
    const present = view(0);
    const watched = feed.watch({
      operationId,
      signal: gone.signal,
      read: () => present,
      send: () => Promise.resolve(),
    });
    await idle();
    gone.abort();
    await watched;
  });
});

describe("the cluster in a master's folder", () => {
  const options = {
    create: false,
    createIfMissing: false,
    partitionCount: 1024,
    partitionCountGiven: false,
    placement: "balanced" as const,
    placementGiven: false,
    folder: "/data/master",
    clock: new HandClock(),
    random: { fraction: () => 0.5, hex: () => "c0ffee" },
  };
  const created = planCluster(new Map(), { ...options, create: true });
  const snapshot = new Map(created.changes.map(({ key, value }) => [key, value ?? ""]));

  it("is created only when asked for, and only where there is none", () => {
    assert.deepEqual(created.cluster, {
      clusterId: "c0ffee",
      partitionCount: 1024,
      placement: "balanced",
      createdAtMs: 0,
    });
    assert.throws(() => planCluster(new Map(), options), {
      code: "FAILED_PRECONDITION",
      message: /--create/,
    });
    assert.throws(() => planCluster(snapshot, { ...options, create: true }), { code: "FAILED_PRECONDITION" });
    const ifMissing = { ...options, createIfMissing: true };
    assert.deepEqual(planCluster(new Map(), ifMissing).changes, created.changes);
    assert.deepEqual(planCluster(snapshot, ifMissing), planCluster(snapshot, options));
  });

  it("is created or run, whichever fits, when that is asked for", () => {
    const either = { ...options, createIfMissing: true };
    assert.deepEqual(planCluster(new Map(), either), created);
    assert.deepEqual(planCluster(snapshot, either).changes, [{ key: "term", value: "2" }]);
    assert.throws(() => planCluster(snapshot, { ...either, create: true }), { code: "FAILED_PRECONDITION" });
  });

  it("is run under a higher term each time", () => {
    assert.equal(snapshot.get("term"), "1");
    assert.deepEqual(planCluster(snapshot, options).changes, [{ key: "term", value: "2" }]);
  });

  it("keeps its placement, whatever the default is, and refuses another that is asked for", () => {
    const other = { ...options, placement: "contiguous" as const };
    assert.equal(planCluster(snapshot, other).cluster.placement, "balanced");
    assert.throws(() => planCluster(snapshot, { ...other, placementGiven: true }), {
      code: "FAILED_PRECONDITION",
      message: /created with --placement balanced, and --placement contiguous was given/,
    });
    const former = clusterChange({ clusterId, partitionCount: 8, createdAtMs: 0 });
    const adopted = planCluster(new Map([[former.key, former.value ?? ""]]), other);
    assert.equal(adopted.cluster.placement, "contiguous");
    assert.deepEqual(adopted.changes[0], clusterChange(adopted.cluster));
  });

  it("keeps its partition count, whatever the default is, and refuses another that is asked for", () => {
    assert.equal(planCluster(snapshot, { ...options, partitionCount: 8 }).cluster.partitionCount, 1024);
    assert.throws(() => planCluster(snapshot, { ...options, partitionCount: 8, partitionCountGiven: true }), {
      code: "FAILED_PRECONDITION",
      message: /has 1,024 partitions/,
    });
  });
});
