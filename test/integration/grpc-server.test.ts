import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Client, credentials, type MethodDefinition } from "@grpc/grpc-js";
import { service as health } from "grpc-health-check";
import { EkvError } from "../../services/core/errors.js";
import { anyServer } from "../../services/core/server-identity.js";
import { Topology } from "../../services/gen/elastickv/v1/common.js";
import type { LookupResponse, WatchTopologyResponse } from "../../services/gen/elastickv/v1/master.js";
import { systemClock } from "../../services/runtime/clock.js";
import { type RunningServer, startServer } from "../../services/runtime/grpc-server.js";
import { type CallContext, streamHandler, unaryHandler } from "../../services/runtime/handlers.js";
import type { LogFields, Logger } from "../../services/runtime/log.js";
import { TopologyFeed } from "../../services/runtime/topology-feed.js";
import { topologyHandlers } from "../../services/runtime/topology-handlers.js";
import { fromServiceError } from "../../services/wire/errors.js";
import { topologyService } from "../../services/wire/services.js";
import { RawClient, refusedWith } from "../support/raw-client.js";
import { waitFor } from "../support/wait-for.js";

const name = "elastickv.v1.TopologyService";
/** Long enough that a test which sits it out fails. */
const graceMs = 60_000;
const empty: LookupResponse = { hash: 0, entry: undefined, store: undefined, topologyVersion: 0 };
/** A message of which a few hundred fill every buffer on the way. */
const bulky = Topology.fromPartial({ clusterId: "c".repeat(32_768) });

/** A logger that keeps what it was told. */
function recordingLog(): { readonly log: Logger; readonly errors: LogFields[] } {
  const errors: LogFields[] = [];
  const ignore = (): void => undefined;
  const log: Logger = {
    debugEnabled: false,
    error: (message, fields) => errors.push({ message, ...fields }),
    warn: ignore,
    info: ignore,
    debug: ignore,
    child: () => log,
  };
  return { log, errors };
}

describe("a gRPC server", { timeout: 240_000 }, () => {
  const { log, errors } = recordingLog();
  const options = { log, clock: systemClock };
  let feed: TopologyFeed;
  let server: RunningServer;
  let client: RawClient;
  /** What `lookup` does in the test at hand. */
  let lookup: (context: CallContext) => Promise<LookupResponse> | LookupResponse;
  /** What `watchTopology` does, where it is not the topology's. */
  let stream: ((send: () => Promise<void>, signal: AbortSignal) => Promise<void>) | undefined;

  beforeEach(async () => {
    feed = new TopologyFeed();
    errors.length = 0;
    lookup = () => empty;
    stream = undefined;
    const { watchTopology, ...handlers } = topologyHandlers(feed, 10, options);
    const watch = streamHandler(
      options,
      async (_request, { signal }, send: (message: WatchTopologyResponse) => Promise<void>) =>
        await stream?.(() => send({ update: { $case: "snapshot", value: bulky } }), signal),
    );
    server = await startServer({
      host: "127.0.0.1",
      port: 0,
      messageBytesMax: 65_536,
      identity: () => anyServer,
      services: [
        {
          name,
          definition: topologyService,
          handlers: {
            ...handlers,
            lookup: unaryHandler(options, (_request, context) => lookup(context)),
            watchTopology: (call: Parameters<typeof watchTopology>[0]) =>
              stream ? watch(call as unknown as Parameters<typeof watch>[0]) : watchTopology(call),
          },
        },
      ],
    });
    client = new RawClient(server.address);
  });

  afterEach(async () => {
    client.close();
    await server.stop(0);
  });

  const callLookup = (): Promise<LookupResponse> =>
    client.call(topologyService.lookup, { key: Buffer.from("k") });

  it("says which port is taken and how to choose another", async () => {
    await assert.rejects(
      startServer({
        host: "127.0.0.1",
        port: server.port,
        services: [],
        messageBytesMax: 1024,
        identity: () => anyServer,
      }),
      refusedWith("FAILED_PRECONDITION", new RegExp(`127.0.0.1:${server.port}.*--port`)),
    );
  });

  it("answers a bug with the request's id alone, and logs all of it", async () => {
    lookup = () => {
      throw new Error("secret of the inside");
    };
    const error = await callLookup().catch((caught: unknown) => caught);
    assert.ok(error instanceof EkvError);
    assert.equal(error.code, "INTERNAL");
    assert.doesNotMatch(error.message, /secret/);
    const [logged] = errors;
    assert.match(String(logged?.["error"]), /secret of the inside/);
    assert.ok(error.message.includes(String(logged?.["requestId"])), error.message);
  });

  it("passes an EkvError on whole, and logs nothing", async () => {
    lookup = () => {
      throw new EkvError("NOT_FOUND", "no such thing", { notExecuted: true });
    };
    const error = await callLookup().catch((caught: unknown) => caught);
    assert.ok(error instanceof EkvError);
    assert.deepEqual([error.code, error.message, error.notExecuted], ["NOT_FOUND", "no such thing", true]);
    assert.equal(errors.length, 0);
  });

  it("tells a handler that its caller has given up, whether it asked before or asks after", async () => {
    const contexts: CallContext[] = [];
    lookup = async (context) => {
      contexts.push(context);
      return await new Promise(() => undefined);
    };
    const { path, requestSerialize, responseDeserialize } = topologyService.lookup;
    const raw = new Client(server.address, credentials.createInsecure());
    const begin = (): { cancel(): void } =>
      raw.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { key: Buffer.of() },
        () => undefined,
      );
    const calls = [begin(), begin()];
    await waitFor("both calls", () => contexts.length === 2);
    const [early, late] = contexts as [CallContext, CallContext];
    const { signal } = early;
    assert.equal(signal.aborted, false);
    for (const call of calls) call.cancel();
    await waitFor("the first to be told", () => signal.aborted);
    // Cancelled behind the first on the same connection, and answered behind both.
    lookup = () => empty;
    await new Promise((resolve) => {
      raw.makeUnaryRequest(path, requestSerialize, responseDeserialize, { key: Buffer.of() }, resolve);
    });
    raw.close();
    assert.equal(late.signal.aborted, true);
  });

  it("gives an error thrown in the middle of a stream after the messages before it", async () => {
    stream = async (send) => {
      await send();
      throw new EkvError("RESOURCE_EXHAUSTED", "enough");
    };
    const { path, requestSerialize, responseDeserialize } = topologyService.watchTopology;
    const raw = new Client(server.address, credentials.createInsecure());
    const call = raw.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {
      knownVersion: 0,
    });
    let messages = 0;
    call.on("data", () => (messages += 1));
    const error = await new Promise((resolve) => call.on("error", resolve));
    raw.close();
    assert.equal(messages, 1);
    assert.equal(fromServiceError(error).code, "RESOURCE_EXHAUSTED");
  });

  it("waits with a stream whose reader does not read, and tells when the reader has gone", async () => {
    const messagesMax = 4000;
    let sent = 0;
    let gone = false;
    let over = false;
    stream = async (send, signal) => {
      signal.addEventListener("abort", () => (gone = true));
      for (; sent < messagesMax && !signal.aborted; sent += 1) await send();
      over = true;
    };
    const { path, requestSerialize } = topologyService.watchTopology;
    const raw = new Client(server.address, credentials.createInsecure());
    const call = raw.makeServerStreamRequest(path, requestSerialize, (bytes: Buffer) => bytes, {
      knownVersion: 0,
    });
    call.on("error", () => undefined);
    // grpc-js takes everything off the wire, without bound, until the first message has been read.
    call.on("data", () => call.pause());
    let before = 0;
    let unchanged = 0;
    await waitFor("the handler to stand still", () => {
      unchanged = sent > 0 && sent === before ? unchanged + 1 : 0;
      before = sent;
      return unchanged > 20;
    });
    assert.deepEqual([over, gone], [false, false]);
    call.cancel();
    await waitFor("the handler to end", () => over);
    raw.close();
    assert.equal(gone, true);
    assert.ok(sent < messagesMax);
  });

  it("lets a call in flight finish when it stops, and says NOT_SERVING meanwhile", async () => {
    let finish: (() => void) | undefined;
    lookup = () => new Promise((resolve) => (finish = () => resolve(empty)));
    const answer = callLookup();
    await waitFor("the call", () => finish !== undefined);
    const { Watch: watchHealth } = health as unknown as {
      Watch: MethodDefinition<{ service: string }, { status: string }>;
    };
    const statuses = client.collect(watchHealth, { service: name });
    // A call behind the watch on the same connection has been answered: so the watch has reached the server.
    const { Check: check } = health as unknown as {
      Check: MethodDefinition<{ service: string }, { status: string }>;
    };
    await client.call(check, { service: name });
    const stopped = server.stop(graceMs);
    assert.deepEqual(
      (await statuses).map(({ status }) => status),
      ["SERVING", "NOT_SERVING"],
    );
    finish?.();
    assert.deepEqual(await answer, empty);
    await stopped;
  });

  it("sends topology watchers away when it stops, rather than wait for them", async () => {
    const watching = client.collect(topologyService.watchTopology, { knownVersion: 0 });
    await waitFor("the watcher", () => feed.waiting === 1);
    const [, stopped] = await Promise.all([
      assert.rejects(watching, refusedWith("UNAVAILABLE", /watch another/)),
      server.stop(graceMs),
    ]);
    assert.equal(stopped, undefined);
    assert.equal(feed.waiting, 0);
  });

  it("cuts off what outlasts the grace", async () => {
    let started = false;
    let aborted = false;
    lookup = ({ signal }) => {
      started = true;
      signal.addEventListener("abort", () => (aborted = true));
      return new Promise(() => undefined);
    };
    const cut = assert.rejects(callLookup());
    await waitFor("the call", () => started);
    await server.stop(20);
    await cut;
    await waitFor("the handler's signal", () => aborted);
  });

  it("refuses a message beyond its limit", async () => {
    await assert.rejects(
      client.call(topologyService.lookup, { key: Buffer.alloc(70_000) }),
      refusedWith("RESOURCE_EXHAUSTED", /larger than max/),
    );
  });
});
