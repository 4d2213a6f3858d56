import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type AdminClient, connectAdmin } from "../../client/admin.js";
import { connect, type Client } from "../../client/index.js";
import type { EkvError } from "../../services/core/errors.js";
import type { GetClusterStatusResponse } from "../../services/gen/elastickv/v1/master.js";
import { OperationState } from "../../services/gen/elastickv/v1/master.js";
import { type Child, compiled, runNode } from "../support/children.js";
import { freeBasePort } from "../support/free-ports.js";
import { fillDisk, mountSmallDisk, noMount, unmountSmallDisk } from "../support/small-disk.js";
import { waitFor } from "../support/wait-for.js";

const program = compiled("../../cli/main.js");
const waitMs = 120_000;
const pollMs = 100;
/** Every partition has some. */
const keys = Array.from({ length: 64 }, (_, i) => `key-${i}`);

describe("a cluster whose one disk is full", { skip: noMount, timeout: 600_000 }, () => {
  const disk = mkdtempSync(join(tmpdir(), "ekv-full-"));
  const data = join(disk, "data");
  const ballast = join(disk, "ballast");
  let up: Child;
  let admin: AdminClient;
  let client: Client;
  let reads = 0;
  let reading: Promise<void>;
  const stopReading = new AbortController();
  const failed: unknown[] = [];

  const status = (): Promise<GetClusterStatusResponse> => admin.getClusterStatus({}, { deadlineMs: 5000 });

  async function readOn(): Promise<void> {
    while (!stopReading.signal.aborted) {
      for (const key of keys) {
        const value = await client.get(key, { deadlineMs: 30_000 });
        assert.equal(value?.toString(), key);
        reads += 1;
      }
    }
  }

  /** Waits for reads that began after now. */
  async function stillReads(): Promise<void> {
    const enough = reads + 2 * keys.length;
    await waitFor("reads to go on", () => failed.length > 0 || reads >= enough, waitMs, pollMs);
    assert.deepEqual(failed, []);
  }

  before(async () => {
    mountSmallDisk(disk, "size=300m");
    const port = await freeBasePort();
    const args = [
      "up",
      "--data",
      data,
      "--port",
      String(port),
      "--stores",
      "2",
      "--partitions",
      "16",
      "--json",
    ];
    up = runNode(program, args);
    await up.line("{");
    const seeds = [0, 1, 2].map((offset) => `127.0.0.1:${port + offset}`);
    client = await connect({ seeds });
    admin = connectAdmin({ seeds: seeds.slice(0, 1) });
    for (const key of keys) await client.put(key, Buffer.from(key));
    fillDisk(ballast);
    reading = readOn().catch((error: unknown) => void failed.push(error));
  });

  after(async () => {
    stopReading.abort();
    await reading;
    await client.close();
    await admin.close();
    up.process.kill("SIGINT");
    await up.ended;
    unmountSmallDisk(disk);
    rmSync(disk, { recursive: true });
  });

  test("refuses what has to be recorded, as not done, and reads on", async () => {
    await assert.rejects(
      admin.addStore({ storeId: "", dryRun: false }, { deadlineMs: 10_000 }),
      (error: EkvError) =>
        error.code === "RESOURCE_EXHAUSTED" && error.notExecuted && /nothing was changed/.test(error.message),
    );
    assert.match((await status()).problems.join(), /records no decisions since .*no space left/);
    await assert.rejects(client.put("another", Buffer.from("value")), { code: "RESOURCE_EXHAUSTED" });
    await stillReads();
  });

  test("has its master again when that is killed, and reads on", async () => {
    const { pid } = JSON.parse(await readFile(join(data, "up.json"), "utf8")) as { readonly pid: number };
    process.kill(pid, "SIGKILL");
    await waitFor(
      "the new master",
      async () => {
        const next = JSON.parse(await readFile(join(data, "up.json"), "utf8")) as { readonly pid: number };
        if (next.pid === pid) return false;
        return await status().then(
          ({ problems, storesAlive }) =>
            storesAlive === 2 && problems.join().includes("records no decisions"),
          () => false,
        );
      },
      waitMs,
      pollMs,
    );
    await waitFor(
      "the stores' heartbeats",
      async () => (await admin.listStores({})).stores.every(({ load }) => load !== undefined),
      waitMs,
      pollMs,
    );
    await stillReads();
  });

  test("goes on by itself once there is room", async () => {
    rmSync(ballast);
    await waitFor("decisions", async () => (await status()).problems.length === 0, waitMs, pollMs);
    await waitFor(
      "a write",
      () =>
        client.put("another", Buffer.from("value")).then(
          () => true,
          () => false,
        ),
      waitMs,
      pollMs,
    );
    const { result } = await admin.addStore({ storeId: "", dryRun: false });
    assert.equal(result?.$case, "operation");
    const operationId = result.value.id;
    await waitFor(
      "the third store to have its share",
      async () => {
        const { operation } = await admin.getOperation({ operationId });
        return operation?.state === OperationState.SUCCEEDED;
      },
      waitMs,
      pollMs,
    );
    await stillReads();
    const { problems, storeProblems, storesAlive } = await status();
    assert.deepEqual([problems, storeProblems, storesAlive], [[], [], 3]);
    assert.match(await readFile(join(data, "master.log"), "utf8"), /records decisions again/);
    assert.equal(up.process.exitCode, null);
  });
});
