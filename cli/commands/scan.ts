import { formatVersion } from "../../services/core/version-text.js";
import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { keyBytes, type KeyOptions } from "../key-argument.js";
import { bytesToJson, escapeBytes } from "../key-text.js";

/** Options of `ekv scan`. */
export interface ScanOptions extends KeyOptions {
  readonly limit?: number;
  readonly keysOnly?: true;
  readonly count?: true;
}

/** `ekv scan [prefix]`: a line for each key, or their number with --count. */
export async function scan(
  context: CommandContext,
  prefix: string | undefined,
  options: ScanOptions,
): Promise<ExitCode> {
  const client = await context.session.client();
  const keysOnly = options.keysOnly === true || options.count === true;
  const entries = client.scan({
    signal: context.signal,
    keysOnly,
    ...(prefix !== undefined && { prefix: keyBytes(prefix, options) }),
    ...(options.limit !== undefined && { limit: options.limit }),
  });
  let count = 0;
  for await (const { key, value, version, expiresAtMs } of entries) {
    count += 1;
    if (options.count) continue;
    if (context.json) {
      await writeJson(context, {
        ...bytesToJson("key", key),
        ...(keysOnly ? {} : bytesToJson("value", value)),
        version: formatVersion(version),
        expiresAtMs,
      });
    } else {
      await context.stdout.write(`${escapeBytes(key)}${keysOnly ? "" : `\t${escapeBytes(value)}`}\n`);
    }
  }
  if (options.count) {
    if (context.json) await writeJson(context, { count });
    else await context.stdout.write(`${count}\n`);
  }
  return exitCodes.ok;
}
