import { createReadStream } from "node:fs";
import type { WriteOptions } from "../../client/index.js";
import { invalidArgument } from "../../services/core/errors.js";
import { limits } from "../../services/core/limits.js";
import type { Version } from "../../services/core/topology.js";
import { formatVersion } from "../../services/core/version-text.js";
import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { fileFailure } from "../failure.js";
import { argumentBytes, keyBytes, type KeyOptions } from "../key-argument.js";
import { bytesToJson } from "../key-text.js";

/** Options of `ekv put`. */
export interface PutOptions extends KeyOptions {
  readonly file?: string;
  readonly ifAbsent?: true;
  readonly ifVersion?: Version;
  readonly ttlMs?: number;
}

/** `ekv put <key> [value]`: prints the version written. */
export async function put(
  context: CommandContext,
  argument: string,
  value: string | undefined,
  options: PutOptions,
): Promise<ExitCode> {
  const key = keyBytes(argument, options);
  const bytes = await readValue(context, value, options.file);
  const client = await context.session.client();
  const version = await client.put(key, bytes, {
    signal: context.signal,
    ...conditionOf(options),
    ...(options.ttlMs !== undefined && { ttlMs: options.ttlMs }),
  });
  if (context.json) await writeJson(context, { ...bytesToJson("key", key), version: formatVersion(version) });
  else await context.stdout.write(`${formatVersion(version)}\n`);
  return exitCodes.ok;
}

function conditionOf(options: PutOptions): Pick<WriteOptions, "ifAbsent" | "ifVersion"> {
  if (options.ifAbsent && options.ifVersion) {
    throw invalidArgument("if-absent", "cannot be combined with --if-version");
  }
  if (options.ifAbsent) return { ifAbsent: true };
  return options.ifVersion ? { ifVersion: options.ifVersion } : {};
}

async function readValue(
  context: CommandContext,
  value: string | undefined,
  file: string | undefined,
): Promise<Buffer> {
  if (value !== undefined && file !== undefined) {
    throw invalidArgument("value", "is given twice, as an argument and by --file");
  }
  if (value !== undefined) return argumentBytes("value", value, "give it by --file or stdin");
  if (file !== undefined && file !== "-") return readFile(file);
  if (!context.stdin) throw invalidArgument("value", "is missing");
  if (context.stdin.isTTY) await context.stderr.write("Type the value; end it with Ctrl-D.\n");
  return readAll(context.stdin);
}

async function readFile(path: string): Promise<Buffer> {
  try {
    return await readAll(createReadStream(path));
  } catch (error) {
    throw fileFailure(path, error);
  }
}

/** No more than the greatest value any store may accept is held in memory. */
async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > limits.valueBytesCeiling) {
      throw invalidArgument("value", `is longer than ${limits.valueBytesCeiling} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
