import { Metadata, type ServiceError } from "@grpc/grpc-js";
import type { Clock } from "../services/core/ports/clock.js";
import type { Channel } from "../services/wire/channel.js";
import { fromServiceError } from "../services/wire/errors.js";

const nothing = Buffer.alloc(0);

/**
 * Asks the health service at a channel's address, within `timeoutMs`. Rejects when nobody answers, or a server that the
 * channel's calls are not meant for. Any other answer will do, also that there is no health service.
 */
export function checkStore(channel: Channel, clock: Clock, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    channel.makeUnaryRequest(
      "/grpc.health.v1.Health/Check",
      () => nothing,
      () => undefined,
      {},
      new Metadata(),
      { deadline: clock.wallMs() + timeoutMs },
      (error: ServiceError | null) => {
        const known = error && fromServiceError(error);
        const isThere =
          known === null || (known.answeredBy === undefined && known.code === "FAILED_PRECONDITION");
        if (isThere) resolve();
        else reject(known);
      },
    );
  });
}
