import { decodeBase64, encodeUtf8 } from "./key-text.js";

/** How the key of a command is given. */
export interface KeyOptions {
  /** The key argument is base64. */
  readonly keyBase64?: true;
}

/** The bytes of a key argument. Throws `INVALID_ARGUMENT`. */
export function keyBytes(argument: string, options: KeyOptions): Buffer {
  return options.keyBase64 ? decodeBase64("key", argument) : encodeUtf8("key", argument);
}
