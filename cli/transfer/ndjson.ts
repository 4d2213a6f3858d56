import { isUtf8 } from "node:buffer";
import { EkvError, invalidArgument } from "../../services/core/errors.js";
import { bytesToJson, decodeBase64, encodeUtf8 } from "../key-text.js";
import { withoutBom } from "./bom.js";
import { lineBytesMax, readItem, type ReadItem, type TransferEntry } from "./entry.js";
import { splitLines } from "./lines.js";

/** An entry as one line of NDJSON, newline included. Bytes that are not UTF-8 go into `key64` and `value64`. */
export function encodeNdjson(entry: TransferEntry): string {
  return `${JSON.stringify({
    ...bytesToJson("key", entry.key),
    ...bytesToJson("value", entry.value),
    ...(entry.expiresAtMs > 0 && { expiresAtMs: entry.expiresAtMs }),
  })}\n`;
}

/** The entry of one line. Throws `INVALID_ARGUMENT` saying what is wrong with it. */
export function decodeNdjson(line: Buffer): TransferEntry {
  if (!isUtf8(line))
    throw invalidArgument("line", "is not UTF-8; give such keys and values in key64 and value64");
  const fields = parseObject(line.toString("utf8"));
  return {
    key: takeBytes(fields, "key"),
    value: takeBytes(fields, "value"),
    expiresAtMs: takeExpiry(fields),
  };
}

/** Entries of an NDJSON stream; empty lines are passed over. */
export async function* readNdjson(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<ReadItem, void, undefined> {
  for await (const { number, bytes } of splitLines(withoutBom(source), lineBytesMax)) {
    if (bytes === undefined) yield { line: number, problem: `is longer than ${lineBytesMax} bytes` };
    else if (!isBlank(bytes)) yield readItem(number, () => decodeNdjson(bytes));
  }
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new EkvError("INVALID_ARGUMENT", "is not JSON");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new EkvError("INVALID_ARGUMENT", 'is not an object such as {"key":"a","value":"b"}');
  }
  return parsed as Record<string, unknown>;
}

function takeBytes(fields: Readonly<Record<string, unknown>>, name: "key" | "value"): Buffer {
  const text = fields[name];
  const base64 = fields[`${name}64`];
  if (text !== undefined && base64 !== undefined) {
    throw invalidArgument(name, `is given twice, in ${name} and ${name}64`);
  }
  if (typeof text === "string") return encodeUtf8(name, text);
  if (typeof base64 === "string") return decodeBase64(`${name}64`, base64);
  if (text === undefined && base64 === undefined) {
    throw invalidArgument(name, `is missing; give ${name} or ${name}64`);
  }
  throw invalidArgument(name, "must be a string");
}

function takeExpiry(fields: Readonly<Record<string, unknown>>): number {
  const expiry = fields["expiresAtMs"] ?? 0;
  if (!Number.isSafeInteger(expiry) || (expiry as number) < 0) {
    throw invalidArgument("expiresAtMs", "must be a whole number of Unix milliseconds");
  }
  return expiry as number;
}
