import { Command, Option } from "commander";
import { parseInteger, parseSeeds } from "./arguments.js";
import type { CommandHost } from "./command-host.js";
import { defaultSeeds } from "./default-seeds.js";
import { exitCodesHelp } from "./exit-codes.js";
import { declareClusterCommands } from "./program/cluster.js";
import { declareDataCommands } from "./program/data.js";
import { declareLocalCommands } from "./program/local.js";
import { addExamples } from "./program/examples.js";

/** How the tree of commands is built. */
export interface ProgramOptions {
  /** From package.json. */
  readonly version: string;
  /** Inside `ekv shell`: without the commands and options that make no sense there. */
  readonly inShell: boolean;
}

/**
 * The whole tree of commands, with help, for parsing and for completion. Bodies are loaded when they run, so that a
 * command pays for its own dependencies alone.
 */
export function createProgram(host: CommandHost, { version, inShell }: ProgramOptions): Command {
  const program = new Command("ekv")
    .exitOverride()
    .description(
      inShell
        ? "Commands of the shell; `exit` or Ctrl-D leaves it."
        : "Elastic-KV: a key-value store whose servers come and go while clients keep working.",
    )
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError("Run it with --help for usage and examples.")
    .helpCommand("help [command]", "Explain a command")
    .option("--json", "print JSON on stdout (one object, or one a line), errors as JSON on stderr");
  if (!inShell) {
    program
      .version(version)
      .addOption(
        new Option("--seeds <host:port,...>", "masters or stores to find the cluster by")
          .env("EKV_SEEDS")
          .default(defaultSeeds, `${defaultSeeds.join(",")}: the master and first stores of \`ekv up\``)
          .argParser(parseSeeds),
      )
      .addOption(
        new Option("--timeout-ms <ms>", "how long one call may take")
          .env("EKV_TIMEOUT_MS")
          .default(10_000)
          .argParser(parseInteger(1, 86_400_000)),
      )
      .addHelpText("after", `\n${exitCodesHelp}`);
    addExamples(program, [
      ["ekv up", "a master and three stores on this machine, data in ./data"],
      ["ekv put greeting hello && ekv get greeting", "write a key, read it"],
      ["ekv add-store", "grow by a store, while clients go on"],
      ["ekv ring", "who holds which part of the hash ring"],
      ["ekv status --json | jq .keys", "for scripts"],
    ]);
    declareLocalCommands(program, host);
  }
  declareDataCommands(program, host);
  declareClusterCommands(program, host);
  return program;
}
