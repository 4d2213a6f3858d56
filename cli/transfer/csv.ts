import { isUtf8 } from "node:buffer";
import { Readable } from "node:stream";
import { parse, type CsvError } from "csv-parse";
import { stringify } from "csv-stringify/sync";
import { EkvError, invalidArgument } from "../../services/core/errors.js";
import { decodeBase64, escapeBytes } from "../key-text.js";
import { formatNoun } from "../quantities.js";
import { withoutBom } from "./bom.js";
import { lineBytesMax, readItem, type CsvEncoding, type ReadItem, type TransferEntry } from "./entry.js";

/** The first line of a CSV file. */
export const csvHeader = "key,value\n";

/** An entry as a CSV record (RFC 4180), newline included. Throws `INVALID_ARGUMENT` for bytes that text cannot hold. */
export function encodeCsv(entry: TransferEntry, encoding: CsvEncoding): string {
  const fields = [encodeField(entry.key, entry, encoding), encodeField(entry.value, entry, encoding)];
  // A bare carriage return is not quoted otherwise, and would be read as part of the line's end.
  return stringify([fields], { quoted_match: /\r/, record_delimiter: "\n" });
}

function encodeField(bytes: Buffer, entry: TransferEntry, encoding: CsvEncoding): string {
  if (encoding === "base64") return bytes.toString("base64");
  if (isUtf8(bytes)) return bytes.toString("utf8");
  throw invalidArgument(
    "encoding",
    `key ${escapeBytes(entry.key)} or its value is not UTF-8 text; use --encoding base64 or --format ndjson`,
  );
}

/** Entries of a CSV stream whose first record names the columns `key` and `value`. */
export async function* readCsv(
  source: AsyncIterable<Uint8Array>,
  encoding: CsvEncoding,
): AsyncGenerator<ReadItem, void, undefined> {
  let problems: ReadItem[] = [];
  const parser = parse({
    // Fields as bytes: text would hide invalid UTF-8 behind replacement characters.
    encoding: null,
    info: true,
    max_record_size: lineBytesMax,
    record_delimiter: ["\r\n", "\n"],
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_skip: (error) => {
      problems.push(problemOf(error));
      return undefined;
    },
  });
  const input = Readable.from(withoutBom(source));
  input.on("error", (error) => parser.destroy(error));
  input.pipe(parser);
  let columns: Columns | undefined;
  let lastLine = 0;
  try {
    for await (const item of parser as AsyncIterable<CsvRecord>) {
      yield* problems;
      problems = [];
      const line = lastLine + 1;
      lastLine = item.info.lines;
      if (columns) yield readRecord(line, item.record, columns, encoding);
      else columns = readHeader(item.record);
    }
    yield* problems;
    if (!columns && problems.length === 0) return;
    if (!columns) throw new EkvError("INVALID_ARGUMENT", "line 1: no header; it must be key,value");
  } finally {
    input.destroy();
    parser.destroy();
  }
}

interface CsvRecord {
  readonly record: readonly Buffer[];
  readonly info: { readonly lines: number };
}

interface Columns {
  readonly key: number;
  readonly value: number;
}

function problemOf(error: CsvError | undefined): ReadItem {
  const line = Number((error as { readonly lines?: unknown } | undefined)?.lines ?? 0);
  const texts: Readonly<Record<string, string>> = {
    CSV_QUOTE_NOT_CLOSED: "a quoted field does not end",
    CSV_INVALID_CLOSING_QUOTE: "text follows a closing quote; double the quotes inside a quoted field",
    INVALID_OPENING_QUOTE: "a quote inside an unquoted field; quote the field and double its quotes",
    CSV_MAX_RECORD_SIZE: `is longer than ${lineBytesMax} bytes`,
  };
  return { line, problem: texts[error?.code ?? ""] ?? "is not CSV" };
}

function readHeader(record: readonly Buffer[]): Columns {
  const names = record.map((field) => field.toString("utf8"));
  const columns = { key: names.indexOf("key"), value: names.indexOf("value") };
  if (names.length !== 2 || columns.key < 0 || columns.value < 0) {
    throw new EkvError("INVALID_ARGUMENT", "line 1: the header must be key,value");
  }
  return columns;
}

function readRecord(
  line: number,
  record: readonly Buffer[],
  columns: Columns,
  encoding: CsvEncoding,
): ReadItem {
  const key = record[columns.key];
  const value = record[columns.value];
  if (record.length !== 2 || !key || !value) {
    return {
      line,
      problem: `has ${formatNoun(record.length, "field")} instead of 2`,
    };
  }
  return readItem(line, () => ({
    key: decodeField("key", key, encoding),
    value: decodeField("value", value, encoding),
    expiresAtMs: 0,
  }));
}

function decodeField(name: string, field: Buffer, encoding: CsvEncoding): Buffer {
  if (encoding === "base64") return decodeBase64(name, field.toString("latin1"));
  if (!isUtf8(field)) throw invalidArgument(name, "is not UTF-8; use --encoding base64");
  return field;
}
