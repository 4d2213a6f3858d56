import { invalidArgument } from "./errors.js";

/**
 * A text's bytes in UTF-8. Throws INVALID_ARGUMENT that names `field` for a lone surrogate: UTF-8 has no bytes for it, and
 * encoders write those of U+FFFD, so that different texts would become one. `advice` says what to give in its place.
 */
export function textBytes(field: string, text: string, advice = "give bytes instead"): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, "utf8");
  throw invalidArgument(field, `holds a lone surrogate, which is not text; ${advice}`);
}
