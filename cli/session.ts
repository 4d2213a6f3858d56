import type { AdminClient } from "../client/admin.js";
import type { Client } from "../client/index.js";

/** Connections of one run of `ekv`, opened when first asked for and shared by the commands of a shell. */
export interface Session {
  client(): Promise<Client<Buffer>>;
  admin(): Promise<AdminClient>;
  close(): Promise<void>;
}

/** Where to connect, and how long a call may take. */
export interface SessionOptions {
  /** host:port of masters or stores. */
  readonly seeds: readonly string[];
  /** Per call, in milliseconds. */
  readonly timeoutMs: number;
}

/** A session that loads the SDK only when a command needs it, so that `ekv --help` stays quick. */
export function createSession({ seeds, timeoutMs }: SessionOptions): Session {
  let client: Promise<Client<Buffer>> | undefined;
  let admin: Promise<AdminClient> | undefined;
  return {
    client() {
      client ??= import("../client/index.js").then(({ connect }) =>
        connect({ seeds: [...seeds], deadlineMs: timeoutMs, connectTimeoutMs: timeoutMs }),
      );
      return client;
    },
    admin() {
      admin ??= import("../client/admin.js").then(({ connectAdmin }) => connectAdmin({ seeds: [...seeds] }));
      return admin;
    },
    async close() {
      const open = [client, admin].filter((connection) => connection !== undefined);
      await Promise.all(
        open.map((connection) =>
          connection.then(
            (connected) => connected.close(),
            // Never connected: whoever asked for it has seen the error.
            () => undefined,
          ),
        ),
      );
    },
  };
}
