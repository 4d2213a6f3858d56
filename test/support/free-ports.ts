import { once } from "node:events";
import { createServer } from "node:net";

/** Whether nothing listens on a port of 127.0.0.1. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ host: "127.0.0.1", port, exclusive: true });
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/** Servers of the tests listen in here: below the ports that the system gives to outgoing connections at any moment. */
const portsFrom = 10_000;
const portsTo = 20_000;

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < portsTo - portsFrom; attempt += 1) {
    const port = portsFrom + Math.floor(Math.random() * (portsTo - portsFrom));
    if (await isFree(port)) return port;
  }
  throw new Error("no free port");
}

/** A port that is free, with as many behind it as the stores of a small cluster need. */
export async function freeBasePort(): Promise<number> {
  for (let port = portsTo + (process.pid % 2500) * 4; port < 32_000; port += 4) {
    const free = await Promise.all([0, 1, 2, 3].map((offset) => isFree(port + offset)));
    if (free.every(Boolean)) return port;
  }
  throw new Error("no free ports");
}
