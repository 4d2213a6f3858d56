import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Client as GrpcClient, credentials, type MethodDefinition, status } from "@grpc/grpc-js";
import { type Client, connect } from "../../client/index.js";
import { hashKey, partitionOf } from "../../services/core/hash.js";
import { limits, messageBytesMax } from "../../services/core/limits.js";
import {
  BrowseRequest,
  GetRequest,
  MultiGetRequest,
  PutRequest,
} from "../../services/gen/elastickv/v1/store.js";
import { adminService, storeService } from "../../services/wire/services.js";
import { compiled, runNode } from "../support/children.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { RawClient } from "../support/raw-client.js";
import { failsWith } from "../support/sdk-cluster.js";

const mebibyte = 1024 * 1024;
const partitionBits = 3;
const deadlineMs = 120_000;
const program = compiled("../../cli/main.js");

/** Text that differs by name, so that every encoding takes it. */
function valueOf(name: string, length: number): Buffer {
  return Buffer.alloc(length, `${name} `);
}

/** One call by a client with gRPC's own defaults. */
async function callByDefaultClient<Q, A>(
  address: string,
  { path, requestSerialize, responseDeserialize }: MethodDefinition<Q, A>,
  request: Q,
): Promise<A> {
  const client = new GrpcClient(address, credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, answer) => {
        if (error) reject(error);
        else resolve(answer as A);
      });
    });
  } finally {
    client.close();
  }
}

describe("values above 4 MiB", { timeout: 600_000 }, () => {
  const cluster = new ProcessCluster(["--partitions", String(2 ** partitionBits)]);
  let client: Client;

  before(async () => {
    await cluster.startMaster();
    for (const store of ["s1", "s2"]) {
      await cluster.startStore(store, ["--value-bytes-max", String(limits.valueBytesCeiling)]);
    }
    await cluster.settled("s1", "s2");
    client = await connect({ seeds: [cluster.masterAddress], deadlineMs });
  });

  after(async () => {
    await client.close();
    await cluster.stop();
  });

  /** Calls one store by gRPC, as other languages do, with a limit for what it receives. */
  async function byGrpc<Q, A>(storeId: string, method: MethodDefinition<Q, A>, request: Q): Promise<A> {
    const raw = new RawClient(cluster.storeAddress(storeId), messageBytesMax);
    try {
      return await raw.call(method, request);
    } finally {
      raw.close();
    }
  }

  /** Runs `ekv`; resolves with what it printed once it ended well. */
  async function ekv(...args: readonly string[]): Promise<string> {
    const child = runNode(program, [
      ...args,
      ...["--seeds", cluster.masterAddress, "--timeout-ms", String(deadlineMs)],
    ]);
    await child.ended;
    assert.equal(child.process.exitCode, 0, child.lines.join("\n"));
    return child.lines.join("\n");
  }

  it("are read by a client that knows no limit of the stores, while its other calls go on", async () => {
    const large = valueOf("large", 24 * mebibyte);
    await byGrpc("s1", storeService.put, PutRequest.fromPartial({ key: Buffer.from("large"), value: large }));
    const writes: Promise<unknown>[] = [];
    const reads: Promise<Buffer | undefined>[] = [];
    for (let round = 0; round < 8; round += 1) {
      reads.push(client.get("large"));
      for (let i = 0; i < 50; i += 1) writes.push(client.put(`small-${round}-${i}`, Buffer.from("s")));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const settled = await Promise.allSettled(writes);
    assert.deepEqual(
      settled.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : [])),
      [],
    );
    for (const read of reads) assert.ok((await read)?.equals(large));
  });

  it("are written by it, up to the most that stores may allow", async () => {
    for (const size of [5 * mebibyte, 24 * mebibyte, limits.valueBytesCeiling]) {
      const value = valueOf(`size ${size}`, size);
      await client.put(`size ${size}`, value);
      assert.ok((await client.get(`size ${size}`))?.equals(value), `${size} bytes`);
    }
    const longer = Buffer.alloc(limits.valueBytesCeiling + 1);
    await assert.rejects(client.put("longer", longer), failsWith("INVALID_ARGUMENT", /at most 64194304 fit/));
  });

  it("come many at once, by getMany and scan, at most as many as fit by MultiGet", async () => {
    const keys = Array.from({ length: 12 }, (_, i) => `many-${i}`);
    await client.putMany(keys.map((key) => [key, valueOf(key, 6 * mebibyte)]));
    const values = await client.getMany(keys);
    for (const [i, key] of keys.entries()) assert.ok(values[i]?.equals(valueOf(key, 6 * mebibyte)), key);
    const scanned: string[] = [];
    for await (const { key, value } of client.scan({ prefix: "many-" })) {
      assert.ok(value.equals(valueOf(key.toString(), 6 * mebibyte)), key.toString());
      scanned.push(key.toString());
    }
    assert.deepEqual(scanned.sort(), [...keys].sort());

    const asked = ["size 64194304", "many-0"].map((key) => Buffer.from(key));
    for (const storeId of ["s1", "s2"]) {
      const { results } = await byGrpc(
        storeId,
        storeService.multiGet,
        MultiGetRequest.fromPartial({ keys: asked }),
      );
      const [first, second] = results.map(({ outcome }) => outcome);
      assert.equal(first?.$case === "got" && first.value.value.length, limits.valueBytesCeiling);
      assert.match(second?.$case === "failure" ? second.value.message : "", /ask for fewer keys at once/);
    }
  });

  it("let short calls past that were made after them", async () => {
    const keys = Array.from({ length: 10 }, (_, i) => `{past}${i}`);
    const value = valueOf("past", 8 * mebibyte);
    for (const call of [
      (key: string) => client.put(key, value),
      (key: string) => client.get(key),
      (key: string) => client.getEntry(key),
    ]) {
      let open = keys.length;
      const all = Promise.all(keys.map((key) => call(key).then(() => (open -= 1))));
      await client.put("{past}short", Buffer.from("s"));
      assert.ok(open > 0, "the put was answered before the last of the long");
      await client.get("{past}short");
      await all;
    }
  });

  it("are forwarded by a store that does not own their keys", async () => {
    const value = valueOf("forwarded", 30 * mebibyte);
    for (const [writer, reader] of [
      ["s1", "s2"],
      ["s2", "s1"],
    ] as const) {
      const key = Buffer.from(`forwarded by ${writer}`);
      await byGrpc(writer, storeService.put, PutRequest.fromPartial({ key, value }));
      const { found, value: read } = await byGrpc(reader, storeService.get, GetRequest.fromPartial({ key }));
      assert.ok(found && value.equals(read));
    }
  });

  it("go through put, get, export and import of the command line", async () => {
    const file = join(cluster.folder, "value");
    const value = valueOf("cli", 20 * mebibyte);
    writeFileSync(file, value);
    await ekv("put", "cli-value", "--file", file);
    const exported = join(cluster.folder, "exported.ndjson");
    await ekv("export", exported, "--prefix", "cli-value");
    await client.delete("cli-value");
    await ekv("import", exported);
    assert.ok((await client.get("cli-value"))?.equals(value));
    assert.equal(
      (JSON.parse(readFileSync(exported, "utf8")) as { value: string }).value.length,
      value.length,
    );
  });

  it("are refused by a store whose limit is lower, with that limit, and no other call is harmed", async () => {
    await cluster.startStore("s3");
    await cluster.settled("s1", "s2", "s3");
    const { partitions } = client.topology();
    const keysOf = (storeId: string, count: number): string[] => {
      const keys: string[] = [];
      for (let i = 0; keys.length < count; i += 1) {
        const partition = partitions[partitionOf(hashKey(Buffer.from(`low ${i}`)), partitionBits)];
        if (partition?.primary?.storeId === storeId) keys.push(`low ${i}`);
      }
      return keys;
    };
    const [large = "", ...others] = keysOf("s3", 41);
    for (const size of [5 * mebibyte, 40 * mebibyte, limits.valueBytesCeiling]) {
      const refused = assert.rejects(
        client.put(large, Buffer.alloc(size)),
        failsWith("INVALID_ARGUMENT", /at most 4194304 fit, so split it or raise value-bytes-max/),
      );
      await client.putMany(others.map((key) => [key, Buffer.from("o")]));
      await refused;
    }
    // Values that it holds already, and may not take any more, moved to it.
    for (const size of [5 * mebibyte, 24 * mebibyte, limits.valueBytesCeiling]) {
      assert.equal((await client.get(`size ${size}`))?.length, size);
    }
  });

  it("reach a gRPC client with its own defaults up to 4 MiB, and beyond it is told which limit to raise", async () => {
    const address = cluster.storeAddress("s1");
    const room = 4 * mebibyte - 64;
    await client.put("default fits", valueOf("f", room));
    await client.put("default too long", valueOf("l", 4 * mebibyte));
    const get = (key: string): Promise<{ value: Uint8Array }> =>
      callByDefaultClient(address, storeService.get, GetRequest.fromPartial({ key: Buffer.from(key) }));
    assert.equal((await get("default fits")).value.length, room);
    await assert.rejects(get("default too long"), {
      code: status.RESOURCE_EXHAUSTED,
      details: /^Received message larger than max \(\d+ vs 4194304\)$/,
    });
    await client.delete("default too long");
  });

  it("make pages of a browse that hold one alone, so that each is as small as can be", async () => {
    await client.putMany(["p-1", "p-2", "p-3"].map((key) => [`{page}${key}`, valueOf(key, 900_000)]));
    const raw = new RawClient(cluster.storeAddress("s1"), messageBytesMax);
    const pages = await Promise.all(
      ["s1", "s2", "s3"].map(async (storeId) => {
        const store = new RawClient(cluster.storeAddress(storeId), messageBytesMax);
        try {
          return await store.collect(storeService.browse, BrowseRequest.fromPartial({}));
        } finally {
          store.close();
        }
      }),
    );
    raw.close();
    for (const { entries } of pages.flat()) {
      const bytes = entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
      assert.ok(
        entries.length <= 1 || bytes <= limits.answerBytesTarget,
        `${entries.length}: ${bytes} bytes`,
      );
    }
  });

  it("move with their partitions when a store leaves", async () => {
    const { result } = await cluster.admin(adminService.removeStore, {
      storeId: "s2",
      purge: false,
      dryRun: false,
    });
    assert.equal(result?.$case, "operation");
    if (result?.$case === "operation") await cluster.finished(result.value.id);
    for (const size of [5 * mebibyte, 24 * mebibyte, limits.valueBytesCeiling]) {
      const name = `size ${size}`;
      assert.ok((await client.get(name))?.equals(valueOf(name, size)), name);
    }
  });
});
