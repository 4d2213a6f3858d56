import { invalidArgument } from "../services/core/errors.js";
import type { Key } from "./options.js";

/** A key's bytes. Throws INVALID_ARGUMENT for what is neither a string nor bytes. */
export function keyBytes(key: Key, field = "key"): Uint8Array {
  if (typeof key === "string") return Buffer.from(key);
  if (key instanceof Uint8Array) return key;
  throw invalidArgument(field, `is of type ${typeof key}; give a string or bytes`);
}
