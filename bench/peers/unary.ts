import { Client, credentials } from "@grpc/grpc-js";
import type { MethodDefinition } from "@grpc/grpc-js";
import type { GetResponse } from "../../services/gen/elastickv/v1/store.js";
import { storeService } from "../../services/wire/services.js";
import type { Session } from "./session.js";

/** The store's unary calls, Get and Put, through a bare grpc-js client, as other languages make them. */
export function openUnary(address: string): Promise<Session> {
  const client = new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  const call = <Q, A>(method: MethodDefinition<Q, A>, request: Q): Promise<A> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        (error, answer) => (error ? reject(error) : resolve(answer as A)),
      );
    });
  return Promise.resolve({
    get: async (key) => {
      const answer: GetResponse = await call(storeService.get, { key: Buffer.from(key), consistency: 0 });
      return answer.found ? answer.value : undefined;
    },
    put: (key, value) =>
      call(storeService.put, {
        key: Buffer.from(key),
        value,
        condition: undefined,
        ttlMs: 0,
        identity: undefined,
      }),
    close: () => Promise.resolve(client.close()),
  });
}
