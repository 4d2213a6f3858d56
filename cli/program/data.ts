import { Option, type Command } from "commander";
import { parseInteger, parseTtlMs, parseVersionArgument } from "../arguments.js";
import type { DelOptions } from "../commands/del.js";
import type { ExportOptions } from "../commands/export.js";
import type { GetOptions } from "../commands/get.js";
import type { ImportOptions } from "../commands/import.js";
import type { PutOptions } from "../commands/put.js";
import type { ScanOptions } from "../commands/scan.js";
import type { CommandHost } from "../command-host.js";
import { addExamples } from "./examples.js";

/** Declares the commands that read and write keys. */
export function declareDataCommands(program: Command, host: CommandHost): void {
  declarePut(program, host);
  declareGet(program, host);
  declareDel(program, host);
  declareScan(program, host);
  declareImport(program, host);
  declareExport(program, host);
}

const keyBase64 = ["--key-base64", "the key is given in base64"] as const;

function declarePut(program: Command, host: CommandHost): void {
  const command = program
    .command("put <key> [value]")
    .summary("Write a key")
    .description(
      "Write a key: 1 to 1,024 bytes, with a value of up to 4 MiB unless the stores allow other sizes.\n" +
        "The value is the argument, a file's bytes, or else all of stdin. Prints the version written.",
    )
    .option("-f, --file <path>", "take the value from a file; - is stdin")
    .option("--if-absent", "only if the key does not exist (exit status 4 if it does)")
    .addOption(
      new Option(
        "--if-version <epoch.seq>",
        "only if this is the key's version (exit status 4 if not)",
      ).argParser(parseVersionArgument),
    )
    .addOption(new Option("--ttl-ms <ms>", "delete the key after this time").argParser(parseTtlMs))
    .option(...keyBase64)
    .action((key: string, value: string | undefined, options: PutOptions, self: Command) =>
      host.run(self, async (context) =>
        (await import("../commands/put.js")).put(context, key, value, options),
      ),
    );
  addExamples(command, [
    ['ekv put user:1 \'{"name":"Ada"}\'', "the value as an argument"],
    ["ekv put logo --file logo.png", "a file's bytes"],
    ["date | ekv put now --ttl-ms 60000", "from stdin, for a minute"],
    ["ekv put counter -- -5", "a value that begins with a dash"],
    ["ekv put lock me --if-absent", "take a lock if nobody holds it"],
    ["ekv put user:1 new --if-version 3.17", "only if nobody wrote since you read version 3.17"],
  ]);
}

function declareGet(program: Command, host: CommandHost): void {
  const command = program
    .command("get <key>")
    .summary("Read a key")
    .description(
      "Read a key. The value's bytes go to stdout as they are; on a terminal a newline follows.\n" +
        "Exit status 3 if the key does not exist.",
    )
    .option("--version-info", "say version and expiry on stderr")
    .option("--eventual", "any replica may answer; the value may be stale")
    .option(...keyBase64)
    .action((key: string, options: GetOptions, self: Command) =>
      host.run(self, async (context) => (await import("../commands/get.js")).get(context, key, options)),
    );
  addExamples(command, [
    ["ekv get user:1", "the value"],
    ["ekv get logo > logo.png", "any bytes"],
    ["ekv get user:1 --version-info", "with the version, for put --if-version"],
    ["ekv get user:1 --json", "key, value, version and expiry as JSON"],
  ]);
}

function declareDel(program: Command, host: CommandHost): void {
  const command = program
    .command("del <key>")
    .summary("Delete a key")
    .description("Delete a key. Exit status 3 if it did not exist.")
    .option("--ignore-missing", "exit status 0 also if it did not exist")
    .addOption(
      new Option(
        "--if-version <epoch.seq>",
        "only if this is the key's version (exit status 4 if not)",
      ).argParser(parseVersionArgument),
    )
    .option(...keyBase64)
    .action((key: string, options: DelOptions, self: Command) =>
      host.run(self, async (context) => (await import("../commands/del.js")).del(context, key, options)),
    );
  addExamples(command, [
    ["ekv del user:1", "delete it"],
    ["ekv del user:1 --ignore-missing", "make sure it does not exist"],
  ]);
}

function declareScan(program: Command, host: CommandHost): void {
  const command = program
    .command("scan [prefix]")
    .summary("List keys and values")
    .description(
      "List the keys that begin with a prefix, or all: key, tab, value, a line each; control characters, invalid\n" +
        "UTF-8 and backslashes are escaped. Keys are in the order of the ring, not of their names.",
    )
    .addOption(new Option("--limit <n>", "stop after this many").argParser(parseInteger(1, 4_294_967_295)))
    .option("--keys-only", "without the values")
    .option("--count", "print only how many there are")
    .option("--key-base64", "the prefix is given in base64")
    .action((prefix: string | undefined, options: ScanOptions, self: Command) =>
      host.run(self, async (context) => (await import("../commands/scan.js")).scan(context, prefix, options)),
    );
  addExamples(command, [
    ["ekv scan user: --limit 10", "ten users"],
    ["ekv scan --keys-only", "every key"],
    ["ekv scan user: --count", "how many users"],
    ["ekv scan --json | jq -r .key", "an object a line; bytes that are not UTF-8 in key64 and value64"],
  ]);
}

const format = ["--format <format>", "default: csv for a name ending in .csv, else ndjson"] as const;
const encoding = ["--encoding <encoding>", "how CSV fields hold bytes"] as const;

function declareImport(program: Command, host: CommandHost): void {
  const command = program
    .command("import <file>")
    .summary("Write the keys of a file")
    .description(
      'Write every key of a file; - is stdin. NDJSON holds an object a line: {"key":"a","value":"b"}, with key64 and\n' +
        "value64 in base64 for bytes that are not UTF-8, and expiresAtMs (Unix milliseconds) if it expires.\n" +
        "CSV begins with the header key,value. A bad line ends the import; what came before it stays written.\n" +
        "Writes that meet a store that is away are repeated. It is safe to import a file again.",
    )
    .addOption(new Option(...format).choices(["ndjson", "csv"]))
    .addOption(new Option(...encoding).choices(["text", "base64"]).default("text"))
    .option("--skip-bad", "pass over bad lines and count them")
    .addOption(
      new Option("--repeat-for-ms <ms>", "how long a write is repeated while its store is away")
        .default(60_000)
        .argParser(parseInteger(0, 86_400_000)),
    )
    .action((file: string, options: ImportOptions, self: Command) =>
      host.run(self, async (context) =>
        (await import("../commands/import.js")).importEntries(context, file, options),
      ),
    );
  addExamples(command, [
    ["ekv import cities.ndjson", "with progress on a terminal"],
    ["zcat dump.csv.gz | ekv import - --format csv", "from another program"],
    ["ekv import mixed.ndjson --skip-bad", "take what is good"],
  ]);
}

function declareExport(program: Command, host: CommandHost): void {
  const command = program
    .command("export <file>")
    .summary("Write all keys to a file")
    .description(
      "Write every key with its value to a file, which appears when it is complete; - is stdout.\n" +
        "NDJSON keeps everything but versions. CSV keeps no expiry, and needs --encoding base64 for bytes that are not UTF-8.",
    )
    .addOption(new Option(...format).choices(["ndjson", "csv"]))
    .addOption(new Option(...encoding).choices(["text", "base64"]).default("text"))
    .option("--prefix <prefix>", "only keys that begin with this")
    .action((file: string, options: ExportOptions, self: Command) =>
      host.run(self, async (context) =>
        (await import("../commands/export.js")).exportEntries(context, file, options),
      ),
    );
  addExamples(command, [
    ["ekv export backup.ndjson", "everything"],
    ["ekv export - --prefix user: | gzip > users.ndjson.gz", "a part, compressed"],
    ["ekv export table.csv --encoding base64", "CSV that holds any bytes"],
  ]);
}
