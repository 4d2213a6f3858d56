import { connect, createServer, type Server, type Socket } from "node:net";
import { splitHostPort } from "../../services/core/host-port.js";

/** A way to a server whose connections can die without a word, as behind a firewall that forgets them. */
export class TcpProxy {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  /** host:port of the server. */
  target = "";
  /** Connections that were made. */
  connections = 0;

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.connections += 1;
      const onward = connect({ ...splitHostPort(this.target), allowHalfOpen: true });
      for (const [from, to] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        this.#open.add(from);
        from.on("error", () => to.destroy());
        from.on("close", () => this.#open.delete(from));
        from.pipe(to);
      }
    });
  }

  /** Listens on any free port of the loopback interface. */
  static async start(): Promise<TcpProxy> {
    const proxy = new TcpProxy();
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  /** host:port of the proxy. */
  get address(): string {
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
  }

  /** Connections that stand carry nothing any more, and do not close. New ones are as good as ever. */
  silence(): void {
    for (const socket of this.#open) {
      socket.unpipe();
      socket.pause();
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
