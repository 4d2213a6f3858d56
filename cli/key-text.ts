import { isUtf8 } from "node:buffer";
import { invalidArgument } from "../services/core/errors.js";

/** A key or value in JSON: as text when it is UTF-8, in base64 otherwise. */
export type TextOrBase64<Name extends string> =
  { readonly [K in Name]: string } | { readonly [K in `${Name}64`]: string };

/** `{ [name]: text }`, or `{ [name64]: base64 }` for bytes that are not UTF-8. */
export function bytesToJson<Name extends string>(name: Name, bytes: Buffer): TextOrBase64<Name> {
  const [field, text] = isUtf8(bytes)
    ? [name, bytes.toString("utf8")]
    : [`${name}64`, bytes.toString("base64")];
  return { [field]: text } as TextOrBase64<Name>;
}

const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Decodes base64 strictly: Buffer.from skips what it does not know. Throws `INVALID_ARGUMENT` naming `field`. */
export function decodeBase64(field: string, text: string): Buffer {
  if (!base64Pattern.test(text)) throw invalidArgument(field, "is not base64");
  return Buffer.from(text, "base64");
}

/** Text as bytes. Throws `INVALID_ARGUMENT` for a lone surrogate, which UTF-8 cannot hold. */
export function encodeUtf8(field: string, text: string): Buffer {
  if (/\p{Surrogate}/u.test(text)) {
    throw invalidArgument(field, `holds a lone surrogate, which is not text; give bytes in ${field}64`);
  }
  return Buffer.from(text, "utf8");
}

/**
 * Bytes as one line of safe text: control characters, invalid UTF-8 and backslashes are escaped as in C, so that
 * nothing reaches a terminal as a command and a tab or newline always separates.
 */
export function escapeBytes(bytes: Buffer): string {
  if (!isUtf8(bytes)) return escapeAll(bytes);
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return bytes.toString("utf8").replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\\]/g, escapeCharacter);
}

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\" };

function escapeCharacter(character: string): string {
  return named[character] ?? escapeAll(Buffer.from(character, "utf8"));
}

function escapeAll(bytes: Buffer): string {
  let text = "";
  for (const byte of bytes) {
    const printable = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
    text += printable
      ? String.fromCharCode(byte)
      : (named[String.fromCharCode(byte)] ?? `\\x${byte.toString(16).padStart(2, "0")}`);
  }
  return text;
}
