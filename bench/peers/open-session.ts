import { openElastic } from "./elastic.js";
import type { PeerAddress, Session } from "./session.js";

/** Opens one connection of its own to a peer. */
export async function openSession(address: PeerAddress): Promise<Session> {
  switch (address.kind) {
    case "elastic":
      return await openElastic(address.seeds);
  }
}
