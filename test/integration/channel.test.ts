import assert from "node:assert/strict";
import dns from "node:dns";
import { createServer, type Server as TcpServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { Metadata, Server, ServerCredentials, type ServiceError } from "@grpc/grpc-js";
import { systemClock } from "../../services/runtime/clock.js";
import { anyServer } from "../../services/core/server-identity.js";
import type { Channel } from "../../services/wire/channel.js";
import { openGrpcChannel } from "../../services/wire/grpc-channel.js";
import { connectFramed, framedPrefaces } from "../../services/wire/framed-connection.js";
import { waitFor } from "../support/wait-for.js";

const name = "store-0.example";
const method = "/test.Test/Ask";
/** Less than the 30 s that grpc-js by itself lets pass between two looks. */
const patienceMs = 20_000;

/** A TCP server that keeps what connects to it. */
interface Listener {
  readonly server: TcpServer;
  readonly sockets: Set<Socket>;
  readonly port: number;
}

const listeners: Listener[] = [];

/** Until `endTcp`. */
async function listenTcp(host: string, port: number, taken: (socket: Socket) => void): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    taken(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  const address = server.address();
  const listener = { server, sockets, port: typeof address === "object" && address ? address.port : 0 };
  listeners.push(listener);
  return listener;
}

async function endTcp(): Promise<void> {
  for (const { server, sockets } of listeners.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

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
  afterEach(async () => {
    await endTcp();
    channel.close();
    for (const server of servers) server.forceShutdown();
    mock.restoreAll();
  });

  it("follows the name within seconds to where it leads after a restart, as a pod's does", async () => {
    address = "127.0.0.1";
    const port = await listen(servers[0], address, 0);
    channel = openGrpcChannel(`${name}:${port}`, {}, anyServer);
    await waitFor("an answer", () => ask(channel));
    servers[0].forceShutdown();
    address = "127.0.0.2";
    await listen(servers[1], address, port);
    await waitFor("an answer from the new address", () => ask(channel), patienceMs, 50);
    assert.deepEqual(texts, [], "nobody keeps settings in TXT records");
  });

  it("gives up an attempt that is not answered, and looks the name up again", async () => {
    address = "127.0.0.1";
    const silent = await listenTcp(address, 0, () => undefined);
    channel = openGrpcChannel(`${name}:${silent.port}`, {}, anyServer);
    assert.equal(await ask(channel), false);
    assert.equal(silent.sockets.size, 1);
    address = "127.0.0.2";
    await listen(servers[1], address, silent.port);
    await waitFor("an answer from the new address", () => ask(channel), patienceMs, 50);
  });
});

describe("a framed connection to a name", { timeout: 60_000 }, () => {
  afterEach(async () => {
    mock.restoreAll();
    await endTcp();
  });

  it("looks it up at each attempt", async () => {
    let address = "127.0.0.1";
    const lookup = (_host: string, _options: unknown, done: (...found: unknown[]) => void): void =>
      done(null, [{ address, family: 4 }]);
    const answer = (socket: Socket): void => void socket.write(framedPrefaces.pipeline);
    const first = await listenTcp(address, 0, answer);
    await listenTcp("127.0.0.2", first.port, answer);
    mock.method(dns, "lookup", lookup as unknown as typeof dns.lookup);
    const reached: (string | undefined)[] = [];
    for (address of ["127.0.0.1", "127.0.0.2"]) {
      const target = { address: `${name}:${first.port}`, protocol: "pipeline", clock: systemClock } as const;
      const socket = await connectFramed({ ...target, connectMs: 10_000 });
      reached.push(socket?.remoteAddress);
      socket?.destroy();
    }
    assert.deepEqual(reached, ["127.0.0.1", "127.0.0.2"]);
  });
});

describe("a gRPC channel where the environment names a proxy", { timeout: 60_000 }, () => {
  const variables = ["grpc_proxy", "http_proxy", "https_proxy"];
  const before = variables.map((variable) => [variable, process.env[variable]] as const);
  afterEach(async () => {
    await endTcp();
    for (const [variable, value] of before) {
      if (value === undefined) delete process.env[variable];
      else process.env[variable] = value;
    }
  });

  it("goes to the server itself", async () => {
    const proxy = await listenTcp("127.0.0.1", 0, (socket) => socket.destroy());
    for (const variable of variables) process.env[variable] = `http://127.0.0.1:${proxy.port}`;
    const server = new Server();
    const channel = openGrpcChannel(`127.0.0.1:${await listen(server, "127.0.0.1", 0)}`, {}, anyServer);
    const answered = await ask(channel);
    channel.close();
    server.forceShutdown();
    assert.deepEqual([answered, proxy.sockets.size], [true, 0]);
  });
});
