import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * A proxy between a launcher and the engine's socket, as operators put one there: it can let only some calls through, and go
 * away in the middle of one.
 */
export class EngineProxy {
  /** `METHOD /path` of the calls that go through. Default: all. */
  allowed: readonly RegExp[] = [/^/];
  readonly refused: string[] = [];
  /** The first call like this reaches the engine; its answer, and whatever comes later, does not come back. */
  cutAfter: RegExp | undefined;
  isCut = false;
  readonly #socketPath: string;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(socketPath: string) {
    this.#socketPath = socketPath;
    this.#server = createServer((incoming, answer) => this.#forward(incoming, answer));
    this.#server.on("connection", (socket: Socket) => {
      this.#open.add(socket);
      socket.on("close", () => this.#open.delete(socket));
      if (this.isCut) socket.destroy();
    });
  }

  static async start(socketPath: string): Promise<EngineProxy> {
    const proxy = new EngineProxy(socketPath);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
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
