import { Argument, Option, type Command } from "commander";
import { limits } from "../../services/core/limits.js";
import { engineNames } from "../../services/core/data-settings.js";
import { parseEngine, parseInteger } from "../arguments.js";
import type { ShellName } from "../completion.js";
import type { UpOptions } from "../up.js";
import type { CommandHost } from "../command-host.js";
import { addExamples } from "./examples.js";

/** Declares the commands that work on this machine: up, shell, completion. */
export function declareLocalCommands(program: Command, host: CommandHost): void {
  declareUp(program, host);
  declareShell(program, host);
  declareCompletion(program, host);
}

function declareUp(program: Command, host: CommandHost): void {
  const command = program
    .command("up")
    .summary("Run a cluster on this machine")
    .description(
      "Run a master and stores as processes of this machine until Ctrl-C, with durable data under one folder; the next\n" +
        "start finds it again. A master that dies is started again. The settings marked * are fixed at the first start, and\n" +
        "recorded with the data: later starts need not give them. Durability may be raised later, never lowered.",
    )
    .option("--data <folder>", "where everything is kept", "./data")
    .addOption(new Option("--stores <n>", "* stores to begin with").default(3).argParser(parseInteger(1, 64)))
    .addOption(
      new Option("--port <port>", "the master's port on 127.0.0.1")
        .default(7400)
        .argParser(parseInteger(1, 65_535)),
    )
    .addOption(
      new Option(
        "--partitions <n>",
        `* partitions of the ring, a power of two (default: ${limits.partitionCountDefault})`,
      ).argParser(parseInteger(limits.partitionCountMin, limits.partitionCountMax)),
    )
    .addOption(
      new Option("--placement <policy>", "* which store gets which partitions (default: balanced)").choices([
        "balanced",
        "contiguous",
      ]),
    )
    .addOption(
      new Option(
        "--durability <level>",
        "* what a write survives: a crash, or a power loss (default: commit)",
      ).choices(["commit", "fsync"]),
    )
    .addOption(
      new Option("--engine <engine>", "* where stores keep data; memory forgets it (default: log)")
        .choices(engineNames)
        .argParser(parseEngine),
    )
    .addOption(
      new Option("--ready-timeout-ms <ms>", "how long the start may take")
        .default(60_000)
        .argParser(parseInteger(1, 86_400_000)),
    )
    .action((options: UpOptions, self: Command) =>
      host.run(self, async (context) => (await import("../up.js")).up(context, options), { graceful: true }),
    );
  addExamples(command, [
    ["ekv up", "a master on 127.0.0.1:7400 and three stores, data in ./data"],
    ["ekv up --stores 1 --data /tmp/kv --port 7500", "smaller, elsewhere"],
    ["ekv up --durability fsync", "acknowledge a write when the disk has it"],
    ["ekv up --json", "one JSON object when ready, for scripts"],
  ]);
}

function declareShell(program: Command, host: CommandHost): void {
  const command = program
    .command("shell")
    .summary("Type commands at a prompt")
    .description(
      "Type commands at a prompt, on one connection. Tab completes commands, options and keys; the history is kept in\n" +
        "~/.ekv_history (or EKV_HISTORY). When stdin is no terminal, its lines are run; the exit status is the last one's.",
    )
    .action((_options: unknown, self: Command) =>
      host.run(self, async (context) => (await import("../commands/shell.js")).shell(context, host.lines), {
        graceful: true,
      }),
    );
  addExamples(command, [
    ["ekv shell", "then: put a 1, get a, scan, ring, exit"],
    ["ekv shell < commands.txt", "run a file of commands on one connection"],
  ]);
}

function declareCompletion(program: Command, host: CommandHost): void {
  const command = program
    .command("completion")
    .addArgument(new Argument("<shell>", "the shell to write it for").choices(["bash", "zsh", "fish"]))
    .summary("Print a completion script")
    .description("Print a script that completes commands and options of ekv in a shell.")
    .action((shellName: ShellName, _options: unknown, self: Command) =>
      host.run(self, async (context) => {
        const { exitCodes } = await import("../exit-codes.js");
        const { completionScript, modelOf } = await import("../completion.js");
        await context.stdout.write(completionScript(shellName, modelOf(program)));
        return exitCodes.ok;
      }),
    );
  addExamples(command, [
    ["ekv completion bash > ~/.local/share/bash-completion/completions/ekv", "for bash"],
    ['ekv completion zsh > "${fpath[1]}/_ekv"', "for zsh"],
    ["ekv completion fish > ~/.config/fish/completions/ekv.fish", "for fish"],
  ]);
}
