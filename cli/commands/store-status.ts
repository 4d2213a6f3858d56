import { EkvError, type Topology } from "../../client/index.js";
import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { paletteFor } from "../output.js";
import { formatBytes, formatCount, formatNoun } from "../quantities.js";
import { askStores, type StoreAnswer } from "../store-answers.js";
import { formatPairs } from "../table.js";

/** Whether nobody answered as the master; what answered may still be a store. */
export function isMasterAway(error: unknown): error is EkvError {
  return error instanceof EkvError && (error.code === "UNAVAILABLE" || error.code === "DEADLINE_EXCEEDED");
}

/** `ekv status` while no master answers: what the stores know. Throws `cause` when no store answers either. */
export async function storeStatus(context: CommandContext, cause: EkvError): Promise<ExitCode> {
  const topology = await context.session.client().then(
    (client) => client.topology(),
    () => undefined,
  );
  const answers = topology === undefined ? [] : await askStores(topology, context);
  if (topology === undefined || answers.every(({ status }) => status === undefined)) throw cause;
  if (context.json) await writeJson(context, reportOf(topology, answers, cause));
  else await write(context, topology, answers, cause);
  return exitCodes.unavailable;
}

function reportOf(topology: Topology, answers: readonly StoreAnswer[], cause: EkvError): object {
  const { clusterId, version, partitionCount } = topology;
  const stores = answers.map(({ storeId, address, status, problem }) => {
    const { keys, bytes, ownedPartitions } = status ?? {};
    return {
      storeId,
      address,
      alive: status !== undefined,
      keys,
      bytes,
      partitions: ownedPartitions?.length,
      problem,
    };
  });
  return {
    clusterId,
    healthy: false,
    masterProblem: cause.message,
    topologyVersion: version,
    partitionCount,
    stores,
  };
}

async function write(
  context: CommandContext,
  topology: Topology,
  answers: readonly StoreAnswer[],
  cause: EkvError,
): Promise<void> {
  const palette = paletteFor(context.stdout);
  const alive = answers.map(({ status }) => status).filter((status) => status !== undefined);
  const sum = (of: (status: (typeof alive)[number]) => number): number =>
    alive.reduce((total, status) => total + of(status), 0);
  const served = sum(({ ownedPartitions }) => ownedPartitions.length);
  const unserved = topology.partitionCount - served;
  await context.stdout.write(
    formatPairs(
      [
        ["cluster", topology.clusterId],
        ["health", palette.bad("the master does not answer; the stores serve without it")],
        ["master", palette.bad(cause.message)],
        ["stores", `${alive.length} of ${answers.length} answer`],
        ...answers
          .filter(({ status }) => status === undefined)
          .map(({ storeId, problem }) => ["problem", palette.bad(`${storeId}: ${problem}`)] as const),
        ["keys", formatCount(sum(({ keys }) => keys))],
        ["bytes", formatBytes(sum(({ bytes }) => bytes))],
        [
          "partitions",
          `${formatCount(served)} of ${formatCount(topology.partitionCount)} served${
            unserved > 0 ? palette.bad(`, ${formatNoun(unserved, "partition")} not`) : ""
          }`,
        ],
        ["topology", `version ${topology.version}, as far as the stores know`],
      ],
      palette,
    ),
  );
}
