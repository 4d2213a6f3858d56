import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a client shows, and trusts. */
export interface Credentials {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * A proxy between a launcher and the engine's socket, as operators put one there: it can let only some calls through, go
 * away in the middle of one, and speak TLS.
 */
export class EngineProxy {
  /** `METHOD /path` of the calls that go through. Default: all. */
  allowed: readonly RegExp[] = [/^/];
  readonly refused: string[] = [];
  /** The first call like this reaches the engine; its answer, and whatever comes later, does not come back. */
  cutAfter: RegExp | undefined;
  isCut = false;
  readonly clientCredentials: Credentials;
  readonly #socketPath: string;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(socketPath: string, secured: Secured | undefined) {
    this.#socketPath = socketPath;
    const handle = (incoming: IncomingMessage, answer: ServerResponse): void =>
      this.#forward(incoming, answer);
    const none = Buffer.alloc(0);
    this.clientCredentials = secured?.client ?? { ca: none, cert: none, key: none };
    this.#server = secured
      ? createTlsServer({ ...secured.server, requestCert: true, rejectUnauthorized: true }, handle)
      : createServer(handle);
    this.#server.on("connection", (socket: Socket) => {
      this.#open.add(socket);
      socket.on("close", () => this.#open.delete(socket));
      if (this.isCut) socket.destroy();
    });
  }

  static async start(socketPath: string): Promise<EngineProxy> {
    return await new EngineProxy(socketPath, undefined).#listen();
  }

  static async startTls(socketPath: string): Promise<EngineProxy> {
    return await new EngineProxy(socketPath, makeCertificates()).#listen();
  }

  async #listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  /** The engine is back. */
  heal(): void {
    this.cutAfter = undefined;
    this.isCut = false;
  }

  async stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    if (!this.#server.listening) return;
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #forward(incoming: IncomingMessage, answer: ServerResponse): void {
    const { method = "", url = "", headers } = incoming;
    const call = `${method} ${url}`;
    if (!this.allowed.some((pattern) => pattern.test(call))) {
      this.refused.push(call);
      answer.writeHead(403, { "content-type": "application/json" }).end('{"message":"not allowed here"}');
      return;
    }
    const cut = this.cutAfter?.test(call) === true;
    const onward = request({ socketPath: this.#socketPath, method, path: url, headers }, (reply) => {
      if (cut) {
        this.isCut = true;
        for (const socket of this.#open) socket.destroy();
        reply.resume();
        return;
      }
      answer.writeHead(reply.statusCode ?? 500, reply.headers);
      reply.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    incoming.pipe(onward);
  }
}

interface Secured {
  readonly server: Credentials;
  readonly client: Credentials;
}

/** An authority, and a certificate of it for each side, by openssl. */
function makeCertificates(): Secured {
  const folder = mkdtempSync(join(tmpdir(), "ekv-tls-"));
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): void => {
    execFileSync("openssl", args, { stdio: "ignore" });
  };
  try {
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl(
      "req",
      "-x509",
      ...newKey,
      "-keyout",
      at("ca.key"),
      "-out",
      at("ca"),
      "-subj",
      "/CN=ca",
      "-days",
      "2",
    );
    writeFileSync(at("names"), "subjectAltName=IP:127.0.0.1");
    for (const side of ["server", "client"]) {
      openssl(
        "req",
        ...newKey,
        "-keyout",
        at(`${side}.key`),
        "-out",
        at(`${side}.csr`),
        "-subj",
        `/CN=${side}`,
      );
      const signing = ["-CA", at("ca"), "-CAkey", at("ca.key"), "-CAcreateserial", "-days", "2"];
      openssl(
        "x509",
        "-req",
        "-in",
        at(`${side}.csr`),
        ...signing,
        "-extfile",
        at("names"),
        "-out",
        at(side),
      );
    }
    const read = (side: string): Credentials => ({
      ca: readFileSync(at("ca")),
      cert: readFileSync(at(side)),
      key: readFileSync(at(`${side}.key`)),
    });
    return { server: read("server"), client: read("client") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
