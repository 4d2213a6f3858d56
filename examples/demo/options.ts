import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { parseInteger, parseSeeds } from "../../cli/arguments.js";

/** Settings of a run of the demo. */
export interface DemoOptions {
  /** At most so many of the cities and words. */
  readonly cities: number;
  readonly words: number;
  /** Concurrent clients, each with one call in flight. */
  readonly clients: number;
  readonly readFraction: number;
  /** The run is given up after this long. */
  readonly secondsMax: number;
  readonly seed: number;
  readonly storesMax: number;
  readonly storesEnd: number;
  /** Instead of growing to `storesMax` and shrinking to `storesEnd`: so many adds and removes, in random order. */
  readonly addsAndRemoves: number | undefined;
  /** A running cluster to use instead of a private one. */
  readonly seeds: readonly string[] | undefined;
  readonly json: boolean;
}

/** What a command line asks for. `text` is for stdout when `status` is 0, for stderr otherwise. */
export type ParsedOptions =
  | { readonly kind: "run"; readonly options: DemoOptions }
  | { readonly kind: "exit"; readonly status: number; readonly text: string };

const everything = 1_000_000;
const badUsageStatus = 2;

function parseFraction(text: string): number {
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || value > 1)
    throw new InvalidArgumentError("Expected a number from 0 to 1.");
  return value;
}

/** Parses a command line. `randomSeed`: the seed to use when none is given. */
export function parseOptions(argv: readonly string[], randomSeed: number): ParsedOptions {
  let text = "";
  const collect = (part: string): void => {
    text += part;
  };
  const command = new Command("npm run demo --")
    .description(
      "Imports real data into a cluster of one store, then grows it to five stores and shrinks it to two while clients\n" +
        "read and write without a pause, checks every answer, and reports. Exit status: 0 when every call was answered\n" +
        "and every answer was right, 1 when not, 2 for a wrong command line.",
    )
    .addOption(count("--cities <n>", "import at most so many cities", 0, everything, everything, "all"))
    .addOption(count("--words <n>", "import at most so many words", 0, everything, everything, "all"))
    .addOption(count("--clients <n>", "clients, each with one call in flight", 1, 10_000, 32))
    .addOption(
      new Option("--read-fraction <share>", "share of the calls that read")
        .default(0.9)
        .argParser(parseFraction),
    )
    .addOption(count("--stores-max <n>", "grow to so many stores", 1, 64, 5))
    .addOption(count("--stores-end <n>", "then shrink to so many", 1, 64, 2))
    .addOption(
      new Option("--adds-and-removes <n>", "add or remove a store so many times instead").argParser(
        parseInteger(1, 10_000),
      ),
    )
    .addOption(
      new Option("--seeds <host:port,...>", "use this cluster instead of a private one").argParser(
        parseSeeds,
      ),
    )
    .addOption(
      count("--seed <n>", "repeat the random choices of a run", 0, 0xffff_ffff, randomSeed, "random"),
    )
    .addOption(count("--seconds-max <s>", "give up after so many seconds", 1, 86_400, 900))
    .option("--json", "print the report as one JSON object", false)
    .exitOverride()
    .showHelpAfterError("Run it with --help for the options.")
    .configureOutput({ writeOut: collect, writeErr: collect })
    .allowExcessArguments(false);
  try {
    command.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: "exit", status: error.exitCode === 0 ? 0 : badUsageStatus, text };
  }
  return checked(command.opts());
}

function count(
  flags: string,
  description: string,
  least: number,
  most: number,
  value: number,
  shown?: string,
): Option {
  return new Option(flags, description).default(value, shown).argParser(parseInteger(least, most));
}

/** Checks what no option can check alone. */
function checked(parsed: DemoOptions): ParsedOptions {
  const refuse = (text: string): ParsedOptions => ({
    kind: "exit",
    status: badUsageStatus,
    text: `error: ${text}\n`,
  });
  if (parsed.storesEnd > parsed.storesMax) return refuse("--stores-end is above --stores-max");
  if (parsed.addsAndRemoves !== undefined && parsed.storesMax < 2) {
    return refuse("--adds-and-removes needs a --stores-max of 2 or more");
  }
  return { kind: "run", options: { ...parsed, addsAndRemoves: parsed.addsAndRemoves, seeds: parsed.seeds } };
}
