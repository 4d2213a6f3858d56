import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { Clock } from "../core/ports/clock.js";
import type { OpenChannel } from "../wire/channel.js";

const nothing = Buffer.alloc(0);

/**
 * Asks a server's health service whether anybody is there. Only a refused or broken connection is a no: silence may be a
 * slow network, and any answer is an answer.
 */
export function probeStore(
  address: string,
  timeoutMs: number,
  { clock, openChannel }: { readonly clock: Clock; readonly openChannel: OpenChannel },
): Promise<boolean> {
  const channel = openChannel(address, {});
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
        resolve(error?.code !== status.UNAVAILABLE);
      },
    );
  });
}
