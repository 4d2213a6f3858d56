import { isUtf8 } from "node:buffer";
import { invalidArgument } from "../services/core/errors.js";
import { hashKey, partitionOf } from "../services/core/hash.js";
import { limits } from "../services/core/limits.js";
import { textBytes } from "../services/core/text-bytes.js";
import { nameType } from "./option-checks.js";
import type { Key } from "./options.js";

/**
 * A key on its way to a store: bytes, or a string of ASCII characters alone, whose length and character codes are those
 * of its bytes, so that it need not become a Buffer first.
 */
export type PlainKey = string | Uint8Array;

const scratch: Uint8Array = new Uint8Array(limits.keyBytesMax);

/** A key's bytes. Throws INVALID_ARGUMENT for a text with a lone surrogate, and for what is neither a string nor bytes. */
export function keyBytes(key: Key, field = "key"): Uint8Array {
  if (typeof key === "string") return textBytes(field, key);
  if (key instanceof Uint8Array) return key;
  throw invalidArgument(field, `is ${nameType(key)}; give a string or bytes`);
}

/** A key as errors name it: text where it is UTF-8, bytes elsewhere; undefined for what is no key. */
export function namedKey(key: unknown): string | Uint8Array | undefined {
  if (typeof key === "string") return key;
  if (!(key instanceof Uint8Array)) return undefined;
  return isUtf8(key) ? Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("utf8") : key;
}

/** A key in the form that is cheapest to send. Throws as {@link keyBytes}. */
export function plainKey(key: Key): PlainKey {
  if (typeof key !== "string") return keyBytes(key);
  return key.length <= scratch.length && writeAscii(key, scratch, 0) ? key : keyBytes(key);
}

/** The partition of a key that is within the limits, in a ring of 2^`partitionBits`. */
export function partitionOfKey(key: PlainKey, partitionBits: number): number {
  if (typeof key !== "string") return partitionOf(hashKey(key), partitionBits);
  writeAscii(key, scratch, 0);
  return partitionOf(hashKey(scratch, 0, key.length), partitionBits);
}

/** Writes a key's bytes into a column. Returns where it ends. */
export function writeKey(key: PlainKey, target: Uint8Array, offset: number): number {
  if (typeof key === "string") writeAscii(key, target, offset);
  else target.set(key, offset);
  return offset + key.length;
}

/** Writes character codes as bytes; false as soon as one is none of ASCII. */
function writeAscii(text: string, target: Uint8Array, offset: number): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return false;
    target[offset + i] = code;
  }
  return true;
}
