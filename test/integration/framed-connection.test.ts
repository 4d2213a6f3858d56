import assert from "node:assert/strict";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import { systemClock } from "../../services/runtime/clock.js";
import { connectFramed, framedPrefaces } from "../../services/wire/framed-connection.js";

const preface = framedPrefaces.transfer;

describe("opening a framed connection", () => {
  let server: Server;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    server = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  const open = (connectMs = 5000): Promise<Socket | undefined> =>
    connectFramed({
      address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      protocol: "transfer",
      clock: systemClock,
      connectMs,
    });

  /** What the server writes when the client's preface has come, piece by piece. */
  function answerWith(...pieces: readonly Buffer[]): void {
    server.on("connection", (socket) => {
      socket.once("data", (received) => {
        assert.deepEqual(received, preface);
        for (const piece of pieces) socket.write(piece);
      });
    });
  }

  it("takes a server that returns the preface, in pieces too", async () => {
    answerWith(preface.subarray(0, 3), preface.subarray(3));
    const socket = await open();
    assert.ok(socket);
    socket.destroy();
  });

  it("leaves to the stream what comes right behind the preface", async () => {
    answerWith(Buffer.concat([preface, Buffer.from("the stream ends")]));
    const socket = await open();
    assert.ok(socket);
    const rest = await new Promise((resolve) => socket.once("data", resolve));
    assert.equal(String(rest), "the stream ends");
    socket.destroy();
  });

  it("says that a server does not know framing when it answers otherwise, or not in time", async () => {
    assert.equal(await open(50), undefined);
    answerWith(Buffer.from("\0\0\0\x04\0\0\0\0\0", "latin1"));
    assert.equal(await open(), undefined);
  });

  it("rejects when nobody listens: nothing was sent", async () => {
    const port = (server.address() as AddressInfo).port;
    await new Promise((resolve) => server.close(resolve));
    const target = { address: `127.0.0.1:${port}`, protocol: "transfer", clock: systemClock } as const;
    await assert.rejects(
      connectFramed({ ...target, connectMs: 5000 }),
      (error) => error instanceof EkvError && error.code === "UNAVAILABLE" && error.notExecuted,
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
});
