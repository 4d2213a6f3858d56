import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { Clock } from "../core/ports/clock.js";
import type { ServerIdentity } from "../core/server-identity.js";
import type { OpenChannel } from "../wire/channel.js";
import { fromServiceError } from "../wire/errors.js";

const nothing = Buffer.alloc(0);

/**
 * Asks the health service at a store's address whether the store is there. Only a refused or broken connection is a no, and
 * the word of another server that has the address now: silence may be a slow network, and any other answer is the store's.
 */
export function probeStore(
  address: string,
  store: ServerIdentity,
  timeoutMs: number,
  { clock, openChannel }: { readonly clock: Clock; readonly openChannel: OpenChannel },
): Promise<boolean> {
  const channel = openChannel(address, {}, store);
  return new Promise((resolve) => {
    channel.makeUnaryRequest(
      "/grpc.health.v1.Health/Check",
      () => nothing,
      () => undefined,
      {},
      new Metadata(),
      { deadline: clock.wallMs() + timeoutMs },
      (error: ServiceError | null) => {
        channel.close();
        const isElsewhere = error !== null && fromServiceError(error).answeredBy !== undefined;
        resolve(error?.code !== status.UNAVAILABLE && !isElsewhere);
      },
    );
  });
}
