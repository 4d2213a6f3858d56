import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import type { MethodDefinition } from "@grpc/grpc-js";
import { service as health } from "grpc-health-check";
import { HandCluster, type HandStore } from "../support/hand-cluster.js";
import { RawClient } from "../support/raw-client.js";

const run = promisify(execFile);
const buf = fileURLToPath(new URL("../../../node_modules/.bin/buf", import.meta.url));

describe("a client that knows no proto", () => {
  let cluster: HandCluster;
  let store: HandStore;

  before(async () => {
    cluster = new HandCluster();
    store = await cluster.start("s1");
    await cluster.assignAll(store);
  });

  after(async () => {
    await cluster.stop();
  });

  const curl = async (method: string, message: unknown, reflection = "grpc-v1"): Promise<unknown> => {
    const { stdout } = await run(buf, [
      ...["curl", "--protocol", "grpc", "--http2-prior-knowledge", "--reflect-protocol", reflection],
      ...["-d", JSON.stringify(message), `http://${store.server.address}/${method}`],
    ]);
    return JSON.parse(stdout);
  };

  const base64 = (text: string): string => Buffer.from(text).toString("base64");

  for (const reflection of ["grpc-v1", "grpc-v1alpha"]) {
    it(`puts and gets through reflection ${reflection}`, async () => {
      const key = base64(`greeting-${reflection}`);
      await curl("elastickv.v1.StoreService/Put", { key, value: base64("hello") }, reflection);
      const answer = (await curl("elastickv.v1.StoreService/Get", { key }, reflection)) as Record<
        string,
        unknown
      >;
      assert.equal(answer["found"], true);
      assert.equal(answer["value"], base64("hello"));
    });
  }

  it("is told the health of each service", async () => {
    const client = new RawClient(store.server.address);
    const { Check: check } = health as unknown as {
      Check: MethodDefinition<{ service: string }, { status: string }>;
    };
    for (const service of ["", "elastickv.v1.StoreService"]) {
      assert.equal((await client.call(check, { service })).status, "SERVING");
    }
    store.server.startDraining();
    assert.equal((await client.call(check, { service: "" })).status, "NOT_SERVING");
    client.close();
  });

  it("lists the services", async () => {
    const { stdout } = await run(buf, [
      ...["curl", "--protocol", "grpc", "--http2-prior-knowledge", "--list-services"],
      `http://${store.server.address}`,
    ]);
    assert.deepEqual(
      stdout
        .trim()
        .split("\n")
        .filter((name) => name.startsWith("elastickv"))
        .sort(),
      ["elastickv.v1.MigrationService", "elastickv.v1.StoreService", "elastickv.v1.TopologyService"],
    );
  });
});
