import type { GetClusterStatusResponse } from "../../services/gen/elastickv/v1/master.js";
import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { paletteFor } from "../output.js";
import { formatBytes, formatCount, formatNoun } from "../quantities.js";
import { lossLines, problemLines } from "../store-notes.js";
import { formatPairs } from "../table.js";
import { isMasterAway, storeStatus } from "./store-status.js";

/** In a few words each; empty: the cluster is healthy. */
function troublesOf(report: GetClusterStatusResponse): string[] {
  const down = report.storesTotal - report.storesAlive;
  const { partitionsUnassigned: unassigned, partitionsUnavailable: unavailable } = report;
  const inTrouble = new Set(report.storeProblems.map(({ storeId }) => storeId)).size;
  return [
    report.problems.length > 0 && "the master is in trouble",
    down > 0 && `${formatNoun(down, "store")} down`,
    down === 0 && inTrouble > 0 && `${formatNoun(inTrouble, "store")} in trouble`,
    unassigned > 0 && `${formatNoun(unassigned, "partition")} unassigned`,
    unavailable > 0 && `${formatNoun(unavailable, "partition")} unavailable`,
  ].filter((trouble) => trouble !== false);
}

/** `ekv status`: the cluster at a glance; while no master answers, what its stores know. */
export async function status(context: CommandContext): Promise<ExitCode> {
  const admin = await context.session.admin();
  let report: GetClusterStatusResponse;
  try {
    report = await admin.getClusterStatus({}, { deadlineMs: context.timeoutMs, signal: context.signal });
  } catch (error) {
    if (!isMasterAway(error)) throw error;
    return await storeStatus(context, error);
  }
  const troubles = troublesOf(report);
  if (context.json) {
    await writeJson(context, { ...report, healthy: troubles.length === 0 });
    return exitCodes.ok;
  }
  const palette = paletteFor(context.stdout);
  const health = troubles.length === 0 ? palette.good("healthy") : palette.bad(troubles.join(", "));
  const migrating = report.migratingStoreIds.length > 0 ? report.migratingStoreIds.join(", ") : "none";
  await context.stdout.write(
    formatPairs(
      [
        ["cluster", report.clusterId],
        ["health", health],
        ...[...report.problems, ...problemLines(report.storeProblems)].map(
          (problem) => ["problem", palette.bad(problem)] as const,
        ),
        ...lossLines(report.dataLosses, Date.now()).map((loss) => ["data loss", loss] as const),
        ["stores", `${report.storesAlive} of ${report.storesTotal} alive`],
        ["keys", formatCount(report.keys)],
        ["bytes", formatBytes(report.bytes)],
        ["partitions", formatCount(report.partitionCount)],
        ["placement", report.placement],
        ["launcher", report.launcher],
        ["topology", `version ${report.topologyVersion}, term ${report.term}`],
        ["operations", `${report.operationsActive} under way`],
        ["migrating", migrating],
      ],
      palette,
    ),
  );
  return exitCodes.ok;
}
