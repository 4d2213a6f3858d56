import assert from "node:assert/strict";
import dns from "node:dns";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { Metadata, Server, ServerCredentials, type ServiceError } from "@grpc/grpc-js";
import { type Channel, openGrpcChannel } from "../../services/wire/channel.js";
import { waitFor } from "../support/wait-for.js";

const name = "store-0.example";
const method = "/test.Test/Ask";
/** Less than the 30 s that grpc-js by itself lets pass between two looks. */
const patienceMs = 20_000;

/** Has a server answer every call with nothing; returns its port. */
async function listen(server: Server, host: string, port: number): Promise<number> {
  const bytes = (value: unknown): Buffer => Buffer.from(value as Uint8Array);
  server.addService(
    {
      ask: {
        path: method,
        requestStream: false,
        responseStream: false,
        requestSerialize: bytes,
        requestDeserialize: bytes,
        responseSerialize: bytes,
        responseDeserialize: bytes,
      },
    },
    { ask: (_call: unknown, answer: (error: null, value: Buffer) => void) => answer(null, Buffer.alloc(0)) },
  );
  return await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
}

function ask(channel: Channel): Promise<boolean> {
  const nothing = (): Buffer => Buffer.alloc(0);
  const deadline = new Date(Date.now() + 2000);
  return new Promise((resolve) => {
    channel.makeUnaryRequest(
      method,
      nothing,
      nothing,
      {},
      new Metadata(),
      { deadline },
      (error: ServiceError | null) => resolve(error === null),
    );
  });
}

describe("a gRPC channel to a name", { timeout: 240_000 }, () => {
  /** Where the name leads. */
  let address: string;
  let channel: Channel;
  let texts: string[];
  let servers: readonly [Server, Server];

  beforeEach(() => {
    servers = [new Server(), new Server()];
    texts = [];
    const lookup = (): Promise<dns.LookupAddress[]> => Promise.resolve([{ address, family: 4 }]);
    mock.method(dns.promises, "lookup", lookup as unknown as typeof dns.promises.lookup);
    mock.method(dns.promises, "resolveTxt", (host: string) => {
      texts.push(host);
      return Promise.reject(new Error("no such record"));
    });
  });
  afterEach(() => {
    channel.close();
    for (const server of servers) server.forceShutdown();
    mock.restoreAll();
  });

  it("follows the name within seconds to where it leads after a restart, as a pod's does", async () => {
    address = "127.0.0.1";
    const port = await listen(servers[0], address, 0);
    channel = openGrpcChannel(`${name}:${port}`, {});
    await waitFor("an answer", () => ask(channel));
    servers[0].forceShutdown();
    address = "127.0.0.2";
    await listen(servers[1], address, port);
    await waitFor("an answer from the new address", () => ask(channel), patienceMs, 50);
    assert.deepEqual(texts, [], "nobody keeps settings in TXT records");
  });
});
