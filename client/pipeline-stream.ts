import { connect, type Socket } from "node:net";
import { EkvError } from "../services/core/errors.js";
import { splitHostPort } from "../services/core/host-port.js";
import type { Clock } from "../services/core/ports/clock.js";
import { PipelineRequest, PipelineResponse } from "../services/gen/elastickv/v1/store.js";
import type { Channel } from "../services/wire/channel.js";
import { FramedStream, framedPreface } from "../services/wire/framed-stream.js";
import { storeService } from "../services/wire/services.js";

/** A pipeline's stream, over gRPC or framed: what both have in common. */
export interface PipelineStream {
  on(event: "data", listener: (response: PipelineResponse) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end" | "drain", listener: () => void): unknown;
  /** False: wait for `drain`. */
  write(request: PipelineRequest): boolean;
  end(): unknown;
  cancel(): void;
}

/** Where a pipeline goes. */
export interface PipelineTarget {
  /** host:port of the store. */
  readonly address: string;
  /** The store's gRPC channel. */
  readonly channel: Channel;
  readonly messageBytesMax: number;
  readonly clock: Clock;
  /** How long it may take, in milliseconds. */
  readonly connectMs: number;
}

/** Opens a pipeline. Rejects with UNAVAILABLE when the store cannot be reached; then nothing was sent. */
export type OpenPipeline = (target: PipelineTarget) => Promise<PipelineStream>;

/** Silence after which a store is asked for a sign of life, in milliseconds; unanswered for as long, it is given up. */
const keepaliveMs = 5000;

/** A framed pipeline, or one over gRPC where something between client and store lets nothing but HTTP/2 pass. */
export const openFastestPipeline: OpenPipeline = async (target) => {
  const socket = await connectFramed(target);
  if (socket === undefined) return await openGrpcPipeline(target);
  const { messageBytesMax, clock } = target;
  const stream = new FramedStream({
    socket,
    sent: PipelineRequest,
    received: PipelineResponse,
    messageBytesMax,
    keepaliveMs,
    clock,
  });
  stream.on("end", () => stream.end());
  stream.on("error", () => stream.destroy());
  return stream;
};

/** Resolves with a connection whose prefaces are exchanged; with undefined when the other side does not know framing. */
function connectFramed({ address, clock, connectMs }: PipelineTarget): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
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
      socket.write(framedPreface);
    });
    socket.on("error", (error) => settle(undefined, error));
    socket.on("close", () => settle(undefined));
    socket.on("readable", () => {
      const piece = socket.read() as Buffer | null;
      if (piece === null) return;
      answer = Buffer.concat([answer, piece]);
      if (!answer.equals(framedPreface.subarray(0, answer.length))) settle(undefined);
      else if (answer.length === framedPreface.length) settle(socket);
    });
  });
}

/** A pipeline over gRPC. Nothing is written before the channel is connected: what is queued was certainly not executed. */
export const openGrpcPipeline: OpenPipeline = ({ address, channel, clock, connectMs }) =>
  new Promise((resolve, reject) => {
    channel.waitForReady(clock.wallMs() + connectMs, (error) => {
      if (error) {
        const message = `cannot reach ${address}: ${error.message}`;
        return reject(new EkvError("UNAVAILABLE", message, { notExecuted: true, cause: error }));
      }
      const { path, requestSerialize, responseDeserialize } = storeService.pipeline;
      resolve(channel.makeBidiStreamRequest(path, requestSerialize, responseDeserialize));
    });
  });
