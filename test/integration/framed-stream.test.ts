import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, beforeEach, describe, it } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import { PipelineRequest, PipelineResponse } from "../../services/gen/elastickv/v1/store.js";
import { frameKind } from "../../services/wire/frame-reader.js";
import { frame } from "../fuzz/wire-bytes.js";
import { type FramedPair, framedPair } from "../support/framed-pair.js";

const messageBytesMax = 4_000_000;

function request(firstCall: number, valueBytes = 0): PipelineRequest {
  return PipelineRequest.fromPartial({ firstCall, values: Buffer.alloc(valueBytes, firstCall) });
}

describe("a framed stream", { timeout: 240_000 }, () => {
  let pair: FramedPair;

  beforeEach(async () => {
    pair = await framedPair({ messageBytesMax, keepaliveMs: 30_000 });
  });

  afterEach(() => pair.close());

  it("carries messages both ways, small and large, in order", async () => {
    const { client, server } = pair;
    const received: [number, number][] = [];
    server.on("data", ({ firstCall, values }) => {
      received.push([firstCall, values.length]);
      server.write(PipelineResponse.fromPartial({ firstCall }));
    });
    const answered: number[] = [];
    const done = new Promise<void>((resolve) => {
      client.on("data", ({ firstCall }) => {
        if (answered.push(firstCall) === 4) resolve();
      });
    });
    for (const [index, bytes] of [10, 3_500_000, 0, 70_000].entries()) client.write(request(index, bytes));
    await done;
    assert.deepEqual(received, [
      [0, 10],
      [1, 3_500_000],
      [2, 0],
      [3, 70_000],
    ]);
    assert.deepEqual(answered, [0, 1, 2, 3]);
  });

  it("lets one side end while the other still answers, and closes behind both", async () => {
    const { client, server } = pair;
    const answers: number[] = [];
    client.on("data", ({ firstCall }) => answers.push(firstCall));
    client.write(request(1));
    client.end();
    await once(server, "end");
    server.write(PipelineResponse.fromPartial({ firstCall: 1 }));
    const closed = once(client, "close");
    server.end();
    await closed;
    assert.deepEqual(answers, [1]);
  });

  it("refuses an end that cannot be read like any other message", async () => {
    const { server, clientSocket } = pair;
    const refused = once(server, "error");
    clientSocket.write(frame(Buffer.alloc(8, 0xff), frameKind.end));
    const [error] = (await refused) as [EkvError];
    assert.equal(error.code, "INVALID_ARGUMENT");
  });

  it("brings the error that a side ends with, behind what it sent before", async () => {
    const { client, server } = pair;
    const seen: unknown[] = [];
    client.on("data", ({ firstCall }) => seen.push(firstCall));
    client.on("error", ({ code, message, notExecuted }) => seen.push([code, message, notExecuted]));
    server.write(PipelineResponse.fromPartial({ firstCall: 7 }));
    server.fail(new EkvError("RESOURCE_EXHAUSTED", "too many pipelines", { notExecuted: true }));
    await once(client, "error");
    assert.deepEqual(seen, [7, ["RESOURCE_EXHAUSTED", "too many pipelines", true]]);
  });

  it("tells both sides when a message cannot be decoded, or is too long", async () => {
    for (const bytes of [
      Buffer.from([0, 0, 0, 0, 2, 0x0a, 0xff]),
      Buffer.from([0, 0xff, 0xff, 0xff, 0xff]),
    ]) {
      const another = await framedPair({ messageBytesMax, keepaliveMs: 30_000 });
      const { client, server, clientSocket } = another;
      const atServer = once(server, "error") as Promise<[EkvError]>;
      const atClient = once(client, "error") as Promise<[EkvError]>;
      clientSocket.write(bytes);
      const expected = bytes[1] === 0xff ? "RESOURCE_EXHAUSTED" : "INVALID_ARGUMENT";
      assert.equal((await atServer)[0].code, expected);
      assert.equal((await atClient)[0].code, expected);
      await another.close();
    }
  });

  it("lets messages past a long one that is sent apart, and ends after it", async () => {
    const { client, server } = pair;
    const order: string[] = [];
    server.on("data", ({ firstCall, values }) => {
      order.push(`${firstCall} with ${values.length} bytes`);
      assert.ok(values.every((byte) => byte === firstCall));
    });
    let written = 0;
    client.writeApart(request(1, 3_500_000), () => (written += 1));
    client.writeApart(request(2, 2_000_000), () => (written += 1));
    client.write(request(3, 10));
    client.end();
    await once(server, "end");
    assert.deepEqual(order, ["3 with 10 bytes", "1 with 3500000 bytes", "2 with 2000000 bytes"]);
    assert.equal(written, 2);
  });

  it("sends a message apart as a whole to a peer that takes no parts", async () => {
    const old = await framedPair({ messageBytesMax, keepaliveMs: 30_000, parts: false });
    const order: number[] = [];
    old.server.on("data", ({ firstCall }) => order.push(firstCall));
    await new Promise<void>((resolve) => {
      old.client.writeApart(request(1, 3_500_000), resolve);
      old.client.write(request(2));
    });
    old.client.end();
    await once(old.server, "end");
    assert.deepEqual(order, [1, 2]);
    await old.close();
  });

  it("refuses parts that add up to more than a message may have", async () => {
    const { client, server } = pair;
    const refused = once(server, "error") as Promise<[EkvError]>;
    client.on("error", () => undefined);
    client.writeApart(request(1, messageBytesMax), () => undefined);
    assert.equal((await refused)[0].code, "RESOURCE_EXHAUSTED");
  });

  it("says unasked that something long arrives, whose sender may hear nothing else for long", async () => {
    const { clientSocket } = pair;
    clientSocket.removeAllListeners("data");
    const signs = once(clientSocket, "data") as Promise<[Buffer]>;
    const begun = Buffer.alloc(1000);
    begun.writeUInt32BE(1_000_000, 1);
    clientSocket.write(begun);
    assert.equal((await signs)[0][0], frameKind.pong);
  });

  it("says false to a write that the peer does not take, and drains when it does", async () => {
    const { client, server } = pair;
    server.pause();
    let received = 0;
    server.on("data", () => (received += 1));
    let sent = 0;
    do sent += 1;
    while (client.write(request(sent, 500_000)));
    const drained = once(client, "drain");
    server.resume();
    await drained;
    client.end();
    await once(server, "end");
    assert.equal(received, sent);
  });

  it("gives a silent peer up, and keeps one that answers pings", async () => {
    const silent = await framedPair({ messageBytesMax, keepaliveMs: 40 });
    silent.serverSocket.removeAllListeners("data");
    silent.serverSocket.resume();
    const [error] = (await once(silent.client, "error")) as [EkvError];
    assert.equal(error.code, "UNAVAILABLE");
    assert.match(error.message, /silent for 80 ms/);
    await silent.close();

    const lively = await framedPair({ messageBytesMax, keepaliveMs: 150 });
    lively.client.on("error", (failure) => assert.fail(failure.message));
    let pongs = 0;
    await new Promise<void>((resolve) => {
      lively.clientSocket.on("data", () => {
        if ((pongs += 1) === 3) resolve();
      });
    });
    await lively.close();
  });
});
