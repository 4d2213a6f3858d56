import { EkvError } from "../../services/core/errors.js";
import { formatVersion } from "../../services/core/version-text.js";
import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { keyBytes, type KeyOptions } from "../key-argument.js";
import { bytesToJson, escapeBytes } from "../key-text.js";

/** Options of `ekv get`. */
export interface GetOptions extends KeyOptions {
  readonly versionInfo?: true;
  readonly eventual?: true;
}

/** `ekv get <key>`: the value's bytes as they are. */
export async function get(context: CommandContext, argument: string, options: GetOptions): Promise<ExitCode> {
  const key = keyBytes(argument, options);
  const client = await context.session.client();
  const entry = await client.getEntry(key, {
    signal: context.signal,
    ...(options.eventual && { consistency: "eventual" as const }),
  });
  if (!entry) throw new EkvError("NOT_FOUND", `there is no key ${escapeBytes(key)}`);
  if (context.json) {
    await writeJson(context, {
      ...bytesToJson("key", key),
      ...bytesToJson("value", entry.value),
      version: formatVersion(entry.version),
      expiresAtMs: entry.expiresAtMs,
    });
    return exitCodes.ok;
  }
  await context.stdout.write(entry.value);
  if (context.stdout.isTerminal && entry.value.at(-1) !== 0x0a) await context.stdout.write("\n");
  if (options.versionInfo) {
    const expiry =
      entry.expiresAtMs > 0 ? `expires ${new Date(entry.expiresAtMs).toISOString()}` : "never expires";
    await context.stderr.write(`version ${formatVersion(entry.version)}, ${expiry}\n`);
  }
  return exitCodes.ok;
}
