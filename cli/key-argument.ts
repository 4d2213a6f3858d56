import { invalidArgument } from "../services/core/errors.js";
import { decodeBase64, encodeUtf8 } from "./key-text.js";

/** How the key of a command is given. */
export interface KeyOptions {
  /** The key argument is base64. */
  readonly keyBase64?: true;
}

/** The bytes of a key argument. Throws `INVALID_ARGUMENT`. */
export function keyBytes(argument: string, options: KeyOptions): Buffer {
  if (options.keyBase64) return decodeBase64("key", argument);
  return argumentBytes("key", argument, "give it in base64 with --key-base64");
}

/**
 * The bytes of a text from the command line. Node puts U+FFFD in place of bytes that are not UTF-8, so that different keys
 * would become one: such a text is refused with `INVALID_ARGUMENT` that gives `advice`.
 */
export function argumentBytes(field: string, argument: string, advice: string): Buffer {
  if (!argument.includes("\ufffd")) return encodeUtf8(field, argument);
  throw invalidArgument(field, `holds U+FFFD, which stands for bytes that are not UTF-8; ${advice}`);
}
