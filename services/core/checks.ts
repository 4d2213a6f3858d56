import { type EkvError, invalidArgument } from "./errors.js";
import { limits } from "./limits.js";

/** What is wrong with a key of this many bytes, if anything. `field` names it in the error; default `key`. */
export function keyViolation(lengthBytes: number, field = "key"): EkvError | undefined {
  if (lengthBytes >= 1 && lengthBytes <= limits.keyBytesMax) return undefined;
  return lengthBytes === 0
    ? invalidArgument(field, `is empty; give 1 to ${limits.keyBytesMax} bytes`)
    : invalidArgument(
        field,
        `has ${lengthBytes} bytes; at most ${limits.keyBytesMax} fit, so shorten it or use its hash`,
      );
}

/** What is wrong with a value of this many bytes, if anything. `field` names it in the error; default `value`. */
export function valueViolation(
  lengthBytes: number,
  valueBytesMax: number,
  field = "value",
): EkvError | undefined {
  if (lengthBytes <= valueBytesMax) return undefined;
  return invalidArgument(
    field,
    `has ${lengthBytes} bytes; at most ${valueBytesMax} fit, so split it or raise value-bytes-max at every store`,
  );
}

/** What is wrong with a time to live, if anything; 0 stands for none. `field` names it; default `ttl_ms`. */
export function ttlViolation(ttlMs: number, field = "ttl_ms"): EkvError | undefined {
  if (Number.isSafeInteger(ttlMs) && ttlMs >= 0 && ttlMs <= limits.ttlMsMax) return undefined;
  return invalidArgument(
    field,
    `is ${ttlMs}; give whole milliseconds from 0 (for ever) to ${limits.ttlMsMax}`,
  );
}
