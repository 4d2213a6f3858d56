import { join } from "node:path";
import { type Child, startProgram } from "./child.js";
import { freePort } from "./free-port.js";

/** One etcd member as a process. */
export interface Etcd {
  readonly host: string;
  readonly process: Child;
}

/** Starts Debian's etcd with its defaults. `folder`: an empty one for its data. */
export async function startEtcd(folder: string): Promise<Etcd> {
  const client = `http://127.0.0.1:${await freePort()}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  const process = startProgram("etcd", [
    ...[
      "--data-dir",
      join(folder, "etcd"),
      "--listen-client-urls",
      client,
      "--advertise-client-urls",
      client,
    ],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
    ...["--initial-cluster", `default=${peer}`, "--log-outputs", "stdout"],
  ]);
  await process.line(/serving (insecure )?client (requests|traffic)/);
  return { host: client, process };
}
