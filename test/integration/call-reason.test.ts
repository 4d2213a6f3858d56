import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { describe, test } from "node:test";
import { connectAdmin } from "../../client/admin.js";
import { connect, EkvError } from "../../client/index.js";
import { ekv } from "../support/cli-terminal.js";
import { freePort } from "../support/free-ports.js";

/** What only the gRPC library says. */
const libraryWords = /Resolution note|Last error|LB pick|remote_addr|No connection established|RST_STREAM/;

async function messageOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => assert.fail("the call succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EkvError);
  assert.doesNotMatch(error.message, libraryWords);
  return error.message;
}

describe("a failed call says why in plain words", () => {
  test("when nothing listens", async (t) => {
    const address = `127.0.0.1:${await freePort()}`;
    const admin = connectAdmin({ seeds: [address] });
    t.after(() => admin.close());
    assert.match(await messageOf(admin.getClusterStatus()), /connection refused/);
    assert.match(await messageOf(connect({ seeds: [address], connectTimeoutMs: 500 })), /connection refused/);
  });

  test("when nobody answers", async (t) => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }).listen(0, "127.0.0.1");
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    await once(silent, "listening");
    const admin = connectAdmin({ seeds: [`127.0.0.1:${(silent.address() as AddressInfo).port}`] });
    t.after(() => admin.close());
    assert.match(await messageOf(admin.getClusterStatus({}, { deadlineMs: 300 })), /no answer in time/);
  });
});

test("`ekv stores` of a failing master prints one line of reason", async () => {
  const admin = connectAdmin({ seeds: [`127.0.0.1:${await freePort()}`] });
  const { stderr } = await ekv(["stores"], { admin });
  await admin.close();
  assert.doesNotMatch(stderr, libraryWords);
  assert.match(stderr, /^ekv: .*connection refused.*$/m);
});
