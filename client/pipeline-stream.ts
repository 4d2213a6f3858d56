import { EkvError } from "../services/core/errors.js";
import { limits, messageBytesMax } from "../services/core/limits.js";
import type { Clock } from "../services/core/ports/clock.js";
import { PipelineRequest, PipelineResponse } from "../services/gen/elastickv/v1/store.js";
import type { Channel } from "../services/wire/channel.js";
import { connectFramed } from "../services/wire/framed-connection.js";
import { FramedStream } from "../services/wire/framed-stream.js";
import { storeService } from "../services/wire/services.js";

/** A pipeline's stream, over gRPC or framed: what both have in common. */
export interface PipelineStream {
  /** When the store was seen to have begun the stream, by the monotonic clock; missing: not seen. */
  readonly begunMs?: number;
  on(event: "data", listener: (response: PipelineResponse) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end" | "drain", listener: () => void): unknown;
  /** False: wait for `drain`. */
  write(request: PipelineRequest, written?: () => void): boolean;
  /** As {@link FramedStream.writeApart}; undefined: all goes as a whole. */
  writeApart?(request: PipelineRequest, written: () => void): boolean;
  end(): unknown;
  cancel(): void;
}

/** Where a pipeline goes. */
export interface PipelineTarget {
  /** host:port of the store. */
  readonly address: string;
  /** The store's gRPC channel. */
  readonly channel: Channel;
  readonly clock: Clock;
  /** How long it may take, in milliseconds. */
  readonly connectMs: number;
}

/** Opens a pipeline. Rejects with UNAVAILABLE when the store cannot be reached; then nothing was sent. */
export type OpenPipeline = (target: PipelineTarget) => Promise<PipelineStream>;

/** A framed pipeline, or one over gRPC where something between client and store lets nothing but HTTP/2 pass. */
export const openFastestPipeline: OpenPipeline = async (target) => {
  const { address, clock, connectMs } = target;
  const socket = await connectFramed({ address, protocol: "pipeline", clock, connectMs });
  if (socket === undefined) return await openGrpcPipeline(target);
  const begunMs = clock.nowMs();
  const stream = new FramedStream({
    socket,
    sent: PipelineRequest,
    received: PipelineResponse,
    messageBytesMax,
    keepaliveMs: limits.keepaliveMs,
    clock,
    parts: true,
  });
  stream.on("end", () => stream.end());
  stream.on("error", () => stream.destroy());
  return Object.assign(stream, { begunMs });
};

/** A pipeline over gRPC. Nothing is written before the channel is connected: what is queued was certainly not executed. */
export const openGrpcPipeline: OpenPipeline = ({ address, channel, clock, connectMs }) =>
  new Promise((resolve, reject) => {
    channel.waitForReady(clock.wallMs() + connectMs, (error) => {
      if (error) {
        const message = `cannot reach ${address}: ${error.message}`;
        return reject(new EkvError("UNAVAILABLE", message, { notExecuted: true, cause: error }));
      }
      const { path, requestSerialize, responseDeserialize } = storeService.pipeline;
      const stream = channel.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
      // Whoever cancels it before listening must not be brought down by the error that says so.
      stream.on("error", () => undefined);
      resolve(stream);
    });
  });
