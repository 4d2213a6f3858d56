import type { Command } from "commander";

/** Adds examples to a command's help: what to type, and what it does. */
export function addExamples(command: Command, examples: readonly (readonly [string, string])[]): Command {
  const lines = examples.map(([line, meaning]) => `  ${line}\n      ${meaning}`);
  return command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}
