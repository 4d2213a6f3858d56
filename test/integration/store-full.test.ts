import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  CallKind,
  CallStatus,
  DeleteRequest,
  GetRequest,
  PipelineRequest,
} from "../../services/gen/elastickv/v1/store.js";
import { EkvError } from "../../services/core/errors.js";
import { storeService } from "../../services/wire/services.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { RawClient, refusedWith } from "../support/raw-client.js";
import { fillDisk, mountSmallDisk, noMount, unmountSmallDisk } from "../support/small-disk.js";
import { waitFor } from "../support/wait-for.js";

const valueBytes = 256 * 1024;
/** As much as a store leaves free of this disk. */
const ballastBytes = 12 * 1024 * 1024;

/** False for the answer of a store whose disk is full: it may be another soon. */
function isRefusedForRoom(error: EkvError): false {
  refusedWith("RESOURCE_EXHAUSTED", /no space left/)(error);
  return false;
}

/** False for what is said of a store that starts. */
function isNotThereYet(error: EkvError): false {
  refusedWith("UNAVAILABLE", /./)(error);
  return false;
}

function readOf(key: string): GetRequest {
  return GetRequest.fromPartial({ key: Buffer.from(key) });
}

describe("a store process whose disk is full", { skip: noMount, timeout: 240_000 }, () => {
  const cluster = new ProcessCluster(["--partitions", "8"]);
  const path = join(cluster.folder, "s1");
  const ballast = join(path, "ballast");
  const acknowledged = new Set<string>();
  let client: RawClient;
  let refused = 0;

  before(async () => {
    mkdirSync(path);
    mountSmallDisk(path, "size=100m");
    writeFileSync(ballast, Buffer.alloc(ballastBytes, 1));
    await cluster.startMaster();
    await cluster.startStore("s1");
    await cluster.settled("s1");
    client = new RawClient(cluster.storeAddress("s1"));
  });

  after(async () => {
    client.close();
    for (const child of [...cluster.stores.values(), cluster.master]) await child?.kill();
    unmountSmallDisk(path);
    await cluster.stop();
  });

  const put = (key: string): Promise<unknown> =>
    client.call(storeService.put, {
      key: Buffer.from(key),
      value: Buffer.alloc(valueBytes, key),
      ttlMs: 0,
      condition: undefined,
      identity: undefined,
    });

  /** Puts, eight at a time, until some are refused; returns how many were taken. */
  async function fill(name: string): Promise<number> {
    const before = acknowledged.size;
    for (let index = 0, full = false; !full && index < 1000; index += 8) {
      const keys = Array.from({ length: 8 }, (_, at) => `${name}-${index + at}`);
      const outcomes = await Promise.allSettled(keys.map(put));
      for (const [at, outcome] of outcomes.entries()) {
        if (outcome.status === "fulfilled") acknowledged.add(keys[at] as string);
        else {
          assert.ok(outcome.reason instanceof EkvError && outcome.reason.notExecuted);
          refusedWith("RESOURCE_EXHAUSTED", /no space left .* add a store/)(outcome.reason);
          refused += 1;
          full = true;
        }
      }
    }
    return acknowledged.size - before;
  }

  async function readAll(): Promise<void> {
    for (const key of acknowledged) {
      const { found, value } = await client.call(storeService.get, { key: Buffer.from(key), consistency: 0 });
      assert.ok(found, `${key} was acknowledged`);
      assert.ok(Buffer.alloc(valueBytes, key).equals(value));
    }
  }

  it("refuses puts clearly, loses none that it acknowledged, and reads on", async () => {
    assert.ok((await fill("first")) > 20);
    assert.ok(refused > 0);
    await readAll();
  });

  it("deletes beside puts that are refused", async () => {
    const [key = ""] = acknowledged;
    acknowledged.delete(key);
    const batch = PipelineRequest.fromPartial({
      kinds: Buffer.from([CallKind.PUT, CallKind.DELETE]),
      keys: Buffer.from(`beside${key}`),
      keyLengths: [6, key.length],
      values: Buffer.alloc(16 * valueBytes),
      valueLengths: [16 * valueBytes],
    });
    const statuses = new Map<number, number>();
    const stream = client.exchange(storeService.pipeline, [batch], Infinity, (answer) => {
      for (const [at, status] of answer.statuses.entries()) {
        statuses.set(answer.firstCall + (answer.offsets[at] ?? at), status);
      }
    });
    stream.catch(() => undefined);
    await waitFor("both answers", () => statuses.size === 2);
    assert.deepEqual([statuses.get(0), statuses.get(1)], [CallStatus.ERROR, CallStatus.OK]);
  });

  it("takes puts again when there is room, by itself", async () => {
    rmSync(ballast);
    assert.ok((await fill("second")) > 20);
    await readAll();
  });

  it("starts on a disk without a free byte, reads, says so, and takes puts again when there is room", async () => {
    await cluster.stores.get("s1")?.kill();
    fillDisk(ballast);
    await cluster.startStore("s1");
    client.close();
    client = new RawClient(cluster.storeAddress("s1"));
    await waitFor(
      "a read",
      () => client.call(storeService.get, readOf("beside")).then(() => true, isNotThereYet),
      120_000,
    );
    await readAll();
    for (const key of ["alive", "alive too"]) {
      await assert.rejects(put(key), refusedWith("RESOURCE_EXHAUSTED", /no space left .* add a store/));
    }
    await waitFor(
      "its problem to be told",
      async () => {
        const [store] = await cluster.list();
        return store?.problems.some((problem) => /reads only.* no space left/.test(problem));
      },
      120_000,
    );
    rmSync(ballast);
    // Besides the ballast it has filled its disk itself, up to the reserve: there is room for puts when there are deletions.
    for (const key of [...acknowledged].slice(0, 40)) {
      const request = DeleteRequest.fromPartial({ key: Buffer.from(key) });
      await waitFor(
        "a deletion to be taken",
        () => client.call(storeService.delete, request).then(() => true, isRefusedForRoom),
        120_000,
      );
      acknowledged.delete(key);
    }
    await waitFor("puts to be taken", () => put("alive").then(() => true, isRefusedForRoom), 120_000);
    await waitFor(
      "its problem to be gone",
      async () => {
        const [store] = await cluster.list();
        return store?.alive === true && store.problems.length === 0;
      },
      120_000,
    );
    await readAll();
  });

  it("has everything after kill -9, and is written to on", async () => {
    await cluster.stores.get("s1")?.kill();
    await cluster.startStore("s1");
    client.close();
    client = new RawClient(cluster.storeAddress("s1"));
    await waitFor("the store to be back", () => put("alive").then(() => true, isNotThereYet), 120_000);
    await readAll();
  });
});
