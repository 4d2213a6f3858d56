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

/** A port that is free, with as many behind it as the stores of a small cluster need. */
export async function freeBasePort(): Promise<number> {
  for (let port = 20_000 + (process.pid % 5000) * 4; port < 65_000; port += 4) {
    const free = await Promise.all([0, 1, 2, 3].map((offset) => isFree(port + offset)));
    if (free.every(Boolean)) return port;
  }
  throw new Error("no free ports");
}
