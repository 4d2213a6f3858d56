import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { paletteFor } from "../output.js";
import { drawRing, formatRanges, ringShares } from "../ring-drawing.js";

/** `ekv ring`: who holds which part of the hash ring. */
export async function ring(context: CommandContext, options: { readonly ranges?: true }): Promise<ExitCode> {
  const admin = await context.session.admin();
  const response = await admin.describeRing({}, { deadlineMs: context.timeoutMs, signal: context.signal });
  if (context.json) {
    await writeJson(context, { ...response, stores: ringShares(response) });
    return exitCodes.ok;
  }
  const palette = paletteFor(context.stdout);
  await context.stdout.write(drawRing(response, { columns: context.stdout.columns, palette }));
  if (options.ranges) await context.stdout.write(`\n${formatRanges(response, palette)}`);
  return exitCodes.ok;
}
