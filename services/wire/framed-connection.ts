import { connect, type Socket } from "node:net";
import { EkvError } from "../core/errors.js";
import { splitHostPort } from "../core/host-port.js";
import type { Clock } from "../core/ports/clock.js";

/**
 * What a framed connection carries: calls, the snapshots of moves, or the writes that follow them. `pipeline-1` is the
 * pipeline of clients that take no message in parts.
 */
export type FramedProtocol = "pipeline" | "pipeline-1" | "transfer" | "catch-up";

/**
 * What a client sends first, and the server returns when it takes the connection; all of one length. The first byte tells
 * it from HTTP/2, whose connections begin with `PRI`; the last but one is the version.
 */
export const framedPrefaces: Readonly<Record<FramedProtocol, Buffer>> = {
  pipeline: Buffer.from("\0ekvpl2\n", "latin1"),
  "pipeline-1": Buffer.from("\0ekvpl1\n", "latin1"),
  transfer: Buffer.from("\0ekvtr1\n", "latin1"),
  "catch-up": Buffer.from("\0ekvcu1\n", "latin1"),
};

/** Where a framed connection goes. */
export interface FramedTarget {
  /** host:port. */
  readonly address: string;
  readonly protocol: FramedProtocol;
  readonly clock: Clock;
  /** How long it may take, in milliseconds. */
  readonly connectMs: number;
}

/**
 * Resolves with a connection whose prefaces are exchanged; with undefined when the other side does not know framing.
 * Rejects with UNAVAILABLE when it cannot be reached; then nothing was sent.
 */
export type ConnectFramed = (target: FramedTarget) => Promise<Socket | undefined>;

/** Over TCP. */
export const connectFramed: ConnectFramed = ({ address, protocol, clock, connectMs }) =>
  new Promise((resolve, reject) => {
    const preface = framedPrefaces[protocol];
    let connected = false;
    let answer: Buffer = Buffer.alloc(0);
    const socket = connect(splitHostPort(address));
    const settle = (result: Socket | undefined, error?: Error): void => {
      timer.cancel();
      for (const event of ["connect", "error", "close", "readable"]) socket.removeAllListeners(event);
      if (result) return resolve(result);
      socket.on("error", () => undefined);
      socket.destroy();
      if (connected) return resolve(undefined);
      const message = `cannot reach ${address}: ${error?.message ?? `no connection within ${connectMs} ms`}`;
      reject(new EkvError("UNAVAILABLE", message, { notExecuted: true, cause: error }));
    };
    const timer = clock.setTimer(connectMs, () => settle(undefined));
    socket.on("connect", () => {
      connected = true;
      socket.write(preface);
    });
    socket.on("error", (error) => settle(undefined, error));
    socket.on("close", () => settle(undefined));
    socket.on("readable", () => {
      // No further: what a server sends behind its preface is the stream's, be it that it ends it at once.
      const piece = socket.read(
        Math.min(socket.readableLength, preface.length - answer.length),
      ) as Buffer | null;
      if (piece === null) return;
      answer = Buffer.concat([answer, piece]);
      if (!answer.equals(preface.subarray(0, answer.length))) settle(undefined);
      else if (answer.length === preface.length) settle(socket);
    });
  });
