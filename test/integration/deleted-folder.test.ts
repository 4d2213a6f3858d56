import assert from "node:assert/strict";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { EkvError } from "../../services/core/errors.js";
import { DeleteRequest, GetRequest, PutRequest } from "../../services/gen/elastickv/v1/store.js";
import { adminService, storeService } from "../../services/wire/services.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { RawClient, refusedWith } from "../support/raw-client.js";
import { waitFor } from "../support/wait-for.js";

const waitMs = 120_000;
const gone = /was deleted or moved away while a process used it/;
const key = Buffer.from("key");

/** Whether a call succeeds; false while it is refused for the folder. */
function succeeds(call: Promise<unknown>): Promise<boolean> {
  return call.then(
    () => true,
    (error: EkvError) => !refusedWith("FAILED_PRECONDITION", gone)(error),
  );
}

describe("a data folder that goes away under a running process", { timeout: 600_000 }, () => {
  const cluster = new ProcessCluster(["--partitions", "8"]);
  let client: RawClient;

  before(async () => {
    await cluster.startMaster();
    await cluster.startStore("s1");
    await cluster.settled("s1");
    client = new RawClient(cluster.storeAddress("s1"));
    await put("old");
  });

  after(async () => {
    client.close();
    await cluster.stop();
  });

  const put = (value: string): Promise<unknown> =>
    client.call(storeService.put, PutRequest.fromPartial({ key, value: Buffer.from(value) }));
  const read = async (): Promise<string> => {
    const { value } = await client.call(storeService.get, GetRequest.fromPartial({ key }));
    return Buffer.from(value).toString();
  };
  const storeProblems = async (): Promise<readonly string[]> => (await cluster.list())[0]?.problems ?? [];

  it("of a store: acknowledges no write, reads on, says so, and goes on when it is back", async () => {
    const folder = join(cluster.folder, "s1");
    renameSync(folder, `${folder}-moved`);
    await waitFor("writes to be refused", async () => !(await succeeds(put("old"))), waitMs);
    await assert.rejects(put("lost"), refusedWith("FAILED_PRECONDITION", gone));
    await assert.rejects(
      client.call(storeService.delete, DeleteRequest.fromPartial({ key })),
      refusedWith("FAILED_PRECONDITION", gone),
    );
    assert.equal(await read(), "old");
    await waitFor("its problem to be told", async () => gone.test((await storeProblems()).join()), waitMs);
    renameSync(`${folder}-moved`, folder);
    await waitFor("writes to be taken", () => succeeds(put("new")), waitMs);
    await waitFor("its problem to be gone", async () => (await storeProblems()).length === 0, waitMs);
    assert.equal(await read(), "new");
  });

  it("of a master: records nothing, answers readers, says so, and goes on when it is back", async () => {
    const folder = join(cluster.folder, "master");
    const change = (): Promise<unknown> => cluster.admin(adminService.rebalance, { dryRun: false });
    renameSync(folder, `${folder}-moved`);
    await waitFor("changes to be refused", async () => !(await succeeds(change())), waitMs);
    const status = await cluster.admin(adminService.getClusterStatus, {});
    assert.match(status.problems.join(), gone);
    assert.equal(status.storesAlive, 1);
    await put("newer");
    renameSync(`${folder}-moved`, folder);
    await waitFor("changes to be taken", () => succeeds(change()), waitMs);
    assert.equal(cluster.master?.process.exitCode, null);
  });

  it("of a store, for good: what it had can be read as long as it runs", async () => {
    rmSync(join(cluster.folder, "s1"), { recursive: true });
    await waitFor("writes to be refused", async () => !(await succeeds(put("newer"))), waitMs);
    assert.equal(await read(), "newer");
  });
});
