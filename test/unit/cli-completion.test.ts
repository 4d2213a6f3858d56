import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { completionScript, modelOf, type CommandModel } from "../../cli/completion.js";
import type { CommandHost } from "../../cli/command-host.js";
import { createProgram } from "../../cli/program.js";
import { candidatesFor } from "../../cli/shell/candidates.js";

const host: CommandHost = {
  run: () => Promise.resolve(),
  lines: { program: () => createProgram(host, { version: "", inShell: true }), run: () => Promise.resolve() },
};
const model = modelOf(createProgram(host, { version: "1.2.3", inShell: false }));
const shellModel = modelOf(createProgram(host, { version: "1.2.3", inShell: true }));

function has(shell: string): boolean {
  return spawnSync(shell, ["--version"]).status === 0;
}

/** What bash offers for a command line whose last word is being typed. */
function completeInBash(words: readonly string[]): string[] {
  const script = `${completionScript("bash", model)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ekv; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync("bash", ["-c", script, "bash", ...words], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return stdout.split("\n").filter((line) => line !== "");
}

function everyCommand(node: CommandModel): CommandModel[] {
  return [node, ...node.commands.flatMap(everyCommand)];
}

test("the model knows every command, its options and those of all", () => {
  const names = model.commands.map(({ name }) => name);
  for (const name of ["up", "put", "get", "del", "scan", "import", "export", "stores", "ring"]) {
    assert.ok(names.includes(name), name);
  }
  for (const name of [
    "add-store",
    "remove-store",
    "rebalance",
    "operations",
    "ops",
    "status",
    "ping",
    "shell",
  ]) {
    assert.ok(names.includes(name), name);
  }
  for (const command of everyCommand(model)) {
    const flags = command.options.flatMap((option) => option.flags);
    for (const flag of ["--json", "--seeds", "--timeout-ms", "--help"]) {
      assert.ok(flags.includes(flag), `${command.name} ${flag}`);
    }
  }
});

test("every command explains itself with an example", () => {
  const program = createProgram(host, { version: "1.2.3", inShell: false });
  const withoutHelp = (commands: typeof program.commands): typeof program.commands =>
    commands.filter((command) => command.name() !== "help");
  for (const command of withoutHelp([
    ...program.commands,
    ...program.commands.flatMap((child) => child.commands),
  ])) {
    let help = "";
    command.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    command.outputHelp();
    assert.match(help, /\nExamples:\n {2}ekv /, command.name());
  }
});

test(
  "bash completes commands, options, choices and nested commands",
  { skip: !has("bash") && "bash is missing" },
  () => {
    assert.deepEqual(completeInBash(["ekv", "re"]), ["remove-store", "rebalance"]);
    assert.deepEqual(completeInBash(["ekv", "--seeds", "operations", "pi"]), ["ping"]);
    assert.deepEqual(completeInBash(["ekv", "operations", "wa"]), ["watch"]);
    assert.deepEqual(completeInBash(["ekv", "put", "k", "--if"]), ["--if-absent", "--if-version"]);
    assert.deepEqual(completeInBash(["ekv", "import", "--format", ""]), ["ndjson", "csv"]);
    assert.deepEqual(completeInBash(["ekv", "completion", ""]), ["bash", "zsh", "fish"]);
    assert.deepEqual(completeInBash(["ekv", "scan", "--limit", ""]), []);
  },
);

test("the script for zsh parses", { skip: !has("zsh") && "zsh is missing" }, () => {
  const input = completionScript("zsh", model);
  const { status, stderr } = spawnSync("zsh", ["-n"], { input, encoding: "utf8" });
  assert.equal(status, 0, stderr);
});

test(
  "fish completes commands, options, choices and nested commands",
  { skip: !has("fish") && "fish is missing" },
  () => {
    const complete = (line: string): string[] => {
      const script = `${completionScript("fish", model)}\ncomplete -C '${line}'`;
      const { stdout } = spawnSync("fish", ["-N", "-c", script], { encoding: "utf8" });
      const offers = stdout.split("\n").filter((offer) => offer !== "");
      return offers.map((offer) => offer.split("\t")[0] ?? "");
    };
    assert.deepEqual(complete("ekv re"), ["rebalance", "remove-store"]);
    assert.deepEqual(complete("ekv operations wa"), ["watch"]);
    assert.deepEqual(complete("ekv put k --if"), ["--if-absent", "--if-version"]);
    assert.deepEqual(complete("ekv import --format "), ["csv", "ndjson"]);
  },
);

test("scripts name every command and escape quotes", () => {
  const quoted: CommandModel = {
    name: "ekv",
    description: "",
    options: [{ flags: ["--odd", "-o"], description: "it's a\\b", takesValue: true, choices: ["x", "y"] }],
    argumentChoices: [],
    commands: [{ name: "sub", description: "it's", options: [], argumentChoices: [], commands: [] }],
  };
  assert.equal(
    completionScript("fish", quoted),
    [
      "# fish completion of ekv",
      "complete -c ekv -n '__fish_use_subcommand' -f -a sub -d 'it\\'s'",
      "complete -c ekv -n '__fish_use_subcommand' -l odd -s o -r -f -a 'x y' -d 'it\\'s a\\\\b'",
      "",
    ].join("\n"),
  );
  assert.match(completionScript("zsh", quoted), /names=\('sub:it'\\''s'\)/);
});

test("the shell offers commands, options, and keys where a key is due", () => {
  assert.deepEqual(candidatesFor(shellModel, "re"), {
    typed: "re",
    names: ["remove-store", "rebalance"],
    keyPrefix: undefined,
  });
  assert.deepEqual(candidatesFor(shellModel, "operations pa").names, ["pause"]);
  assert.deepEqual(candidatesFor(shellModel, "get user:"), { typed: "user:", names: [], keyPrefix: "user:" });
  assert.deepEqual(candidatesFor(shellModel, "get "), { typed: "", names: [], keyPrefix: "" });
  assert.equal(candidatesFor(shellModel, "put key val").keyPrefix, undefined);
  assert.deepEqual(candidatesFor(shellModel, "get 'a b").keyPrefix, "a b");
  assert.deepEqual(candidatesFor(shellModel, "scan --keys").names, ["--keys-only"]);
});

test("the shell has no commands that need the terminal for themselves", () => {
  const names = shellModel.commands.map(({ name }) => name);
  for (const name of ["up", "shell", "completion"]) assert.ok(!names.includes(name), name);
});
