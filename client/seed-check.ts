import { EkvError } from "../services/core/errors.js";
import { limits } from "../services/core/limits.js";
import { describeServer, type ServerIdentity } from "../services/core/server-identity.js";
import { fromServiceError } from "../services/wire/errors.js";
import { checkStore } from "./store-check.js";
import type { System } from "./system.js";

type World = Pick<System, "clock" | "openChannel">;

/** No cluster has this id: every server refuses a call for it, and says which server it is. */
const nobody: ServerIdentity = { clusterId: "?", storeId: "" };

/** Which server is at an address; undefined when none answers, or one that does not say. */
async function serverAt(address: string, { clock, openChannel }: World): Promise<ServerIdentity | undefined> {
  const channel = openChannel(address, {}, nobody);
  try {
    await checkStore(channel, clock, limits.seedCheckMs);
    return undefined;
  } catch (error) {
    return fromServiceError(error).answeredBy;
  } finally {
    channel.close();
  }
}

/**
 * The cluster that the seeds belong to; empty when none of them says within `limits.seedCheckMs`. Rejects with
 * FAILED_PRECONDITION when two of them belong to different clusters: nobody could tell which one the caller means.
 */
export async function clusterOfSeeds(seeds: readonly string[], world: World): Promise<string> {
  const answers = await Promise.all(
    seeds.map(async (address) => ({ address, server: await serverAt(address, world) })),
  );
  const known = answers.flatMap(({ address, server }) =>
    server === undefined || server.clusterId === "" ? [] : [{ address, server }],
  );
  const clusters = new Set(known.map(({ server }) => server.clusterId));
  if (clusters.size > 1) {
    const found = known.map(({ address, server }) => `${address} is ${describeServer(server)}`).join(", ");
    const message = `the seeds belong to different clusters: ${found}; give the seeds of one`;
    throw new EkvError("FAILED_PRECONDITION", message, { notExecuted: true });
  }
  return known[0]?.server.clusterId ?? "";
}
