import type { PeerAddress, Session } from "./session.js";

/** Opens one connection of its own to a peer. A process loads the client of its own peer alone. */
export async function openSession(address: PeerAddress): Promise<Session> {
  switch (address.kind) {
    case "elastic":
      return await (await import("./elastic.js")).openElastic(address.seeds);
    case "unary":
      return await (await import("./unary.js")).openUnary(address.address);
    case "bare-pipeline":
      return await (await import("./bare-pipeline.js")).openBarePipeline(address.address);
    case "ioredis":
      return await (await import("./redis.js")).openIoredis(address.ports, address.autoPipelining);
    case "node-redis":
      return await (await import("./redis.js")).openNodeRedis(address.ports);
    case "etcd":
      return await (await import("./etcd.js")).openEtcd(address.host);
    case "echo":
      return await (await import("./echo.js")).openEcho(address.port, address.valueBytes);
  }
}
