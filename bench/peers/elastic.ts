import { connect } from "../../client/index.js";
import { callsInFlightMax, type Session } from "./session.js";

/** Elastic-KV through its SDK, with its defaults. */
export async function openElastic(seeds: readonly string[]): Promise<Session> {
  const client = await connect({ seeds, callsInFlightMax });
  return {
    get: (key) => client.get(key),
    put: (key, value) => client.put(key, value),
    scan: async (_key, length) => {
      let entries = 0;
      for await (const _ of client.scan({ limit: length })) entries += 1;
      return entries;
    },
    close: () => client.close(),
  };
}
