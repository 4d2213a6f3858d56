import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { Client, credentials, type MethodDefinition } from "@grpc/grpc-js";
import { service as health } from "grpc-health-check";
import { HandCluster, type HandStore } from "../support/hand-cluster.js";
import { RawClient } from "../support/raw-client.js";
import { waitFor } from "../support/wait-for.js";

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

  it("has to wait with its questions when it does not read the answers", async () => {
    const questionsMax = 4000;
    // ServerReflectionRequest.file_containing_symbol, a name of 16 KiB, which the answer repeats twice.
    const question = Buffer.concat([Buffer.from([0x22, 0x80, 0x80, 0x01]), Buffer.alloc(16_384, "s")]);
    const raw = new Client(store.server.address, credentials.createInsecure());
    const call = raw.makeBidiStreamRequest(
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
    );
    call.on("error", () => undefined);
    // grpc-js takes everything off the wire, without bound, until the first message has been read.
    call.on("data", () => call.pause());
    let asked = 0;
    const ask = (): void => {
      while (asked < questionsMax && call.write(question)) asked += 1;
    };
    call.on("drain", ask);
    ask();
    let before = 0;
    let unchanged = 0;
    await waitFor("the questions to stand still", () => {
      unchanged = asked === before ? unchanged + 1 : 0;
      before = asked;
      return unchanged > 20;
    });
    call.cancel();
    raw.close();
    assert.ok(asked > 0 && asked < questionsMax, `${asked} questions were taken`);
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
