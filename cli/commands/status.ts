import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { paletteFor } from "../output.js";
import { formatBytes, formatCount } from "../quantities.js";
import { formatPairs } from "../table.js";

/** `ekv status`: the cluster at a glance. */
export async function status(context: CommandContext): Promise<ExitCode> {
  const admin = await context.session.admin();
  const report = await admin.getClusterStatus({}, { deadlineMs: context.timeoutMs, signal: context.signal });
  const troubles = [
    report.storesAlive < report.storesTotal && `${report.storesTotal - report.storesAlive} stores down`,
    report.partitionsUnassigned > 0 && `${formatCount(report.partitionsUnassigned)} partitions unassigned`,
    report.partitionsUnavailable > 0 && `${formatCount(report.partitionsUnavailable)} partitions unavailable`,
  ].filter((trouble) => trouble !== false);
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
