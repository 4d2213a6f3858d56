import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { isIPv6 } from "node:net";
import { EkvError } from "../core/errors.js";
import { splitHostPort } from "../core/host-port.js";

/** The port does not matter: nothing is sent. */
const anyPort = 9;

async function sourceAddressTowards(host: string): Promise<string> {
  const { address, family } = await lookup(host);
  const socket = createSocket(family === 6 ? "udp6" : "udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.connect(anyPort, address, resolve);
    });
    return socket.address().address;
  } finally {
    socket.close();
  }
}

/**
 * The address of this machine that packets to a peer come from: where the peer and its neighbours reach this machine. A
 * container's or a pod's changes when it is attached to its network anew, so ask each time.
 *
 * Rejects with `UNAVAILABLE` when none of the peers has an address, or a route to it, right now.
 *
 * @param peers host:port, tried in turn
 * @returns an IP address; IPv6 in brackets
 */
export async function ownAddress(peers: readonly string[]): Promise<string> {
  let last: unknown;
  for (const peer of peers) {
    const { host } = splitHostPort(peer);
    try {
      const address = await sourceAddressTowards(host);
      return isIPv6(address) ? `[${address}]` : address;
    } catch (cause) {
      last = cause;
    }
  }
  throw new EkvError(
    "UNAVAILABLE",
    `the address to advertise is not known yet, for there is no way to ${peers.join(", ")}: ${String(last)}`,
    { notExecuted: true, cause: last },
  );
}
