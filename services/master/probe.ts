import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { Clock } from "../core/ports/clock.js";

const nothing = Buffer.alloc(0);

/**
 * Asks a server's health service whether anybody is there. Only a refused or broken connection is a no: silence may be a
 * slow network, and any answer is an answer.
 */
export function probeStore(address: string, timeoutMs: number, clock: Clock): Promise<boolean> {
  const client = new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      "/grpc.health.v1.Health/Check",
      () => nothing,
      () => undefined,
      {},
      new Metadata(),
      { deadline: clock.wallMs() + timeoutMs },
      (error: ServiceError | null) => {
        client.close();
        resolve(error?.code !== status.UNAVAILABLE);
      },
    );
  });
}
