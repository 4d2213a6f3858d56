import { connect } from "../../client/index.js";
import { callsInFlightMax, type Session } from "./session.js";

/** Keys with the same beginning but for two digits: a hundred. */
const scanDigits = 2;

/** Elastic-KV through its SDK, with its defaults. */
export async function openElastic(seeds: readonly string[]): Promise<Session> {
  const client = await connect({ seeds, callsInFlightMax });
  return {
    get: (key) => client.get(key),
    put: (key, value) => client.put(key, value),
    delete: (key) => client.delete(key),
    scan: async (key, length) => {
      let entries = 0;
      const prefix = key.slice(0, -scanDigits);
      for await (const _ of client.scan({ prefix, limit: length })) entries += 1;
      return entries;
    },
    close: () => client.close(),
  };
}
