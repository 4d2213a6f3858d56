import { createServer, type Server, type Socket } from "node:net";
import { EkvError } from "../core/errors.js";
import { joinHostPort } from "../core/host-port.js";
import { type FramedProtocol, framedPrefaces } from "../wire/framed-connection.js";

/** How long a new connection may take to say what it speaks, in milliseconds. */
const prefaceMsMax = 10_000;
/** First byte of an HTTP/2 connection: the `P` of its preface. */
const http2FirstByte = 0x50;

/** What a port serves. */
export interface PortListenerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Connections at once; more are closed as soon as they are accepted. Infinity: no limit. */
  readonly connectionsMax: number;
  /** Called for each connection that is one too many. */
  readonly refused: () => void;
  /** Takes a connection that speaks HTTP/2; what was read of it is put back. */
  readonly http2: (socket: Socket) => void;
  /** Takes a framed connection, its prefaces exchanged. Undefined: none is taken. */
  readonly framed: ((socket: Socket, protocol: FramedProtocol) => void) | undefined;
}

/** A port that listens. */
export interface PortListener {
  readonly port: number;
  /**
   * Accepts no new connections and cuts those that have not yet said what they speak. Resolves when every connection has
   * closed.
   */
  close(): Promise<void>;
  /** Cuts every connection. A peer that is frozen, or whose machine is gone, cannot hold one open after that. */
  cut(): void;
}

/**
 * Listens for gRPC and for framed connections on one port; the first bytes of a connection tell which it is. Rejects with
 * FAILED_PRECONDITION when the address cannot be listened on.
 */
export async function listen(options: PortListenerOptions): Promise<PortListener> {
  const open = new Set<Socket>();
  const unrecognised = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    unrecognised.add(socket);
    socket.on("close", () => {
      open.delete(socket);
      unrecognised.delete(socket);
    });
    // Each protocol reports what breaks its connections; before that there is nobody to tell.
    socket.on("error", () => socket.destroy());
    recognise(socket, options, () => unrecognised.delete(socket));
  });
  if (options.connectionsMax !== Infinity) server.maxConnections = options.connectionsMax;
  server.on("drop", options.refused);
  const port = await bind(server, options.host, options.port);
  return {
    port,
    close: () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const socket of unrecognised) socket.destroy();
      return closed;
    },
    cut: () => {
      for (const socket of open) socket.destroy();
    },
  };
}

function recognise(socket: Socket, { http2, framed }: PortListenerOptions, recognised: () => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const cut = (): void => void socket.destroy();
  const done = (): void => {
    socket.off("readable", look);
    socket.off("timeout", cut);
    socket.setTimeout(0);
  };
  const look = (): void => {
    const piece = socket.read() as Buffer | null;
    if (piece === null) return;
    seen = seen.length === 0 ? piece : Buffer.concat([seen, piece]);
    if (seen[0] === http2FirstByte) {
      done();
      recognised();
      socket.unshift(seen);
      return http2(socket);
    }
    const protocol = protocolOf(seen);
    if (!framed || protocol === undefined) return cut();
    const preface = framedPrefaces[protocol];
    if (seen.length < preface.length) return;
    done();
    recognised();
    // The stream's clock begins before the client can see the preface: what the client counts from is never earlier.
    socket.cork();
    socket.write(preface);
    framed(socket, protocol);
    socket.uncork();
  };
  socket.setTimeout(prefaceMsMax);
  socket.on("timeout", cut);
  socket.on("readable", look);
}

/** A protocol whose preface begins like this. */
function protocolOf(seen: Buffer): FramedProtocol | undefined {
  const protocols = Object.keys(framedPrefaces) as FramedProtocol[];
  return protocols.find((protocol) => seen.equals(framedPrefaces[protocol].subarray(0, seen.length)));
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      const message = `cannot listen on ${joinHostPort(host, port)}: ${cause.message}. Stop what listens there, or choose another with --port`;
      reject(new EkvError("FAILED_PRECONDITION", message, { cause }));
    });
    server.listen(port, host, () => {
      server.removeAllListeners("error");
      // One connection could not be accepted; whoever wanted it sees that, and tries again.
      server.on("error", () => undefined);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
