import { EkvError } from "../../services/core/errors.js";
import type { Version } from "../../services/core/topology.js";
import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { keyBytes, type KeyOptions } from "../key-argument.js";
import { bytesToJson, escapeBytes } from "../key-text.js";

/** Options of `ekv del`. */
export interface DelOptions extends KeyOptions {
  readonly ignoreMissing?: true;
  readonly ifVersion?: Version;
}

/** `ekv del <key>`: silent when the key was deleted. */
export async function del(context: CommandContext, argument: string, options: DelOptions): Promise<ExitCode> {
  const key = keyBytes(argument, options);
  const client = await context.session.client();
  const existed = await client.delete(key, {
    signal: context.signal,
    ...(options.ifVersion && { ifVersion: options.ifVersion }),
  });
  if (!existed && !options.ignoreMissing) {
    throw new EkvError("NOT_FOUND", `there was no key ${escapeBytes(key)}`);
  }
  if (context.json) await writeJson(context, { ...bytesToJson("key", key), deleted: existed });
  return exitCodes.ok;
}
