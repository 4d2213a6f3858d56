import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { connect as connectSdk } from "../../client/index.js";
import { framedPrefaces } from "../../services/wire/framed-connection.js";
import { HandCluster } from "../support/hand-cluster.js";

/** A connection to a port of this machine. */
async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

/** Passes connections on, but cuts those that do not begin like HTTP/2: as a proxy that only knows gRPC does. */
async function http2OnlyProxy(port: number, counts: { refused: number; passed: number }): Promise<Server> {
  const proxy = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (first: Buffer) => {
      if (first[0] !== 0x50) {
        counts.refused += 1;
        socket.destroy();
        return;
      }
      counts.passed += 1;
      const upstream = connect(port, "127.0.0.1");
      upstream.on("error", () => undefined);
      upstream.on("close", () => socket.destroy());
      socket.on("close", () => upstream.destroy());
      upstream.write(first);
      socket.pipe(upstream).pipe(socket);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return proxy;
}

describe("a store's port", { timeout: 240_000 }, () => {
  let cluster: HandCluster;
  let port: number;

  before(async () => {
    cluster = new HandCluster();
    const store = await cluster.start("s1");
    await cluster.assignAll(store);
    port = store.server.port;
  });

  after(() => cluster.stop());

  it("takes a framed connection whose preface comes byte by byte", async () => {
    const socket = await dial(port);
    for (const byte of framedPrefaces.pipeline) {
      await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
    }
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.deepEqual(answer, framedPrefaces.pipeline);
    socket.destroy();
  });

  it("cuts what speaks neither protocol", async () => {
    for (const garbage of [
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      framedPrefaces.pipeline.subarray(0, 6),
      Buffer.alloc(64),
    ]) {
      const socket = await dial(port);
      socket.on("error", () => undefined);
      socket.resume();
      socket.write(garbage.length === 6 ? Buffer.concat([garbage, Buffer.from("xx")]) : garbage);
      await once(socket, "close");
    }
  });

  it("serves the SDK framed, and over gRPC where only HTTP/2 passes", async () => {
    const direct = await connectSdk(`127.0.0.1:${port}`);
    await direct.put("k", Buffer.from("v"));
    const counts = { refused: 0, passed: 0 };
    const proxy = await http2OnlyProxy(port, counts);
    const address = proxy.address();
    assert.ok(typeof address === "object" && address);
    await cluster.advertise("s1", `127.0.0.1:${address.port}`);
    const proxied = await connectSdk(`127.0.0.1:${port}`);
    assert.equal((await proxied.get("k"))?.toString(), "v");
    assert.deepEqual(counts, { refused: 1, passed: 1 });
    await proxied.close();
    await direct.close();
    await new Promise((resolve) => proxy.close(resolve));
  });

  it("takes moves framed, each stream on its own connection, and over gRPC where only HTTP/2 passes", async () => {
    const [source] = cluster.stores;
    const target = await cluster.start("s2");
    const counts = { refused: 0, passed: 0 };
    const proxy = await http2OnlyProxy(target.server.port, counts);
    const address = proxy.address();
    assert.ok(source && typeof address === "object" && address);
    const move = async (moveId: string, partition: number): Promise<void> => {
      await cluster.beginMove(moveId, partition, source, target);
      await cluster.reported(source, moveId, "ready");
      // Else nothing would go by the stream of later writes.
      const put = { kind: "put", value: Buffer.from("later"), condition: undefined, ttlMs: 0 } as const;
      await source.store.calls.write({ ...put, key: cluster.keyOf(partition, 0) }, Infinity);
      await cluster.transfer(moveId, partition, source, target);
      await cluster.reported(source, moveId, "released");
      await cluster.finishMove(partition, target);
    };
    await move("m1", 1);
    assert.deepEqual(counts, { refused: 0, passed: 0 });
    await cluster.advertise("s2", `127.0.0.1:${address.port}`);
    await move("m2", 2);
    assert.deepEqual(counts, { refused: 2, passed: 1 });
    assert.equal(target.store.ownership.owned().length, 2);
    await new Promise((resolve) => {
      proxy.close(resolve);
      void target.stop();
    });
  });
});
