import { isUtf8 } from "node:buffer";
import { invalidArgument } from "../services/core/errors.js";
import { textBytes } from "../services/core/text-bytes.js";

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

/**
 * Whether a text is base64, padding included. One search for a character that is not, for a pattern of the whole text
 * would need a stack as deep as the text is long.
 */
function isBase64(text: string): boolean {
  if (text.length % 4 !== 0) return false;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const foreign = text.search(/[^A-Za-z0-9+/]/);
  return foreign === -1 || foreign === text.length - padding;
}

/** Decodes base64 strictly: Buffer.from skips what it does not know. Throws `INVALID_ARGUMENT` naming `field`. */
export function decodeBase64(field: string, text: string): Buffer {
  if (!isBase64(text)) throw invalidArgument(field, "is not base64");
  return Buffer.from(text, "base64");
}

/** Text as bytes. Throws `INVALID_ARGUMENT` for a lone surrogate, which UTF-8 cannot hold. */
export function encodeUtf8(field: string, text: string): Buffer {
  return textBytes(field, text, `give bytes in ${field}64`);
}

/** Bytes, or characters, that are escaped at a time: a value may be long, and each step's pieces are held together. */
const escapeStep = 65_536;

/**
 * Bytes as one line of safe text: control characters, invalid UTF-8 and backslashes are escaped as in C, so that
 * nothing reaches a terminal as a command and a tab or newline always separates.
 */
export function escapeBytes(bytes: Buffer): string {
  if (!isUtf8(bytes)) return inSteps(bytes.length, (start, end) => escapeAll(bytes.subarray(start, end)));
  const text = bytes.toString("utf8");
  return inSteps(text.length, (start, end) =>
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    text.slice(start, end).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\\]/g, escapeCharacter),
  );
}

function inSteps(length: number, escape: (start: number, end: number) => string): string {
  const pieces: string[] = [];
  for (let start = 0; start < length; start += escapeStep) pieces.push(escape(start, start + escapeStep));
  return pieces.join("");
}

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\" };

/** Each byte as it is shown when the bytes around it are not text. */
const escapedBytes: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  const printable = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
  return printable ? character : (named[character] ?? `\\x${byte.toString(16).padStart(2, "0")}`);
});

function escapeAll(bytes: Buffer): string {
  const pieces: string[] = [];
  for (const byte of bytes) pieces.push(escapedBytes[byte] as string);
  return pieces.join("");
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x80 ? (escapedBytes[code] as string) : escapeAll(Buffer.from(character, "utf8"));
}
