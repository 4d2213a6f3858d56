import type { CommandModel } from "../completion.js";
import { quoteWord, splitWords } from "./words.js";

/** What may stand where the cursor is. */
export interface Candidates {
  /** The text that the candidates would replace. */
  readonly typed: string;
  readonly names: readonly string[];
  /** Complete with keys that begin with this, too. */
  readonly keyPrefix: string | undefined;
}

/** The commands whose first argument is a key or the beginning of one. */
const keyCommands: ReadonlySet<string> = new Set(["get", "put", "del", "scan"]);

/** Candidates for the end of a line: names of commands, options, or keys. */
export function candidatesFor(model: CommandModel, line: string): Candidates {
  const { words, openWord, lastStart } = splitWords(line, { partial: true });
  const before = openWord ? words.slice(0, -1) : words;
  const current = openWord ? (words.at(-1) ?? "") : "";
  const typed = line.slice(lastStart);
  let node = model;
  let argumentCount = 0;
  for (const word of before) {
    const child = node.commands.find(({ name }) => name === word);
    if (child) node = child;
    else if (!word.startsWith("-")) argumentCount += 1;
  }
  if (current.startsWith("-")) {
    const flags = node.options.flatMap((option) => option.flags);
    return { typed, names: flags.filter((flag) => flag.startsWith(current)), keyPrefix: undefined };
  }
  const names = node.commands.map(({ name }) => name).filter((name) => name.startsWith(current));
  const wantsKey = keyCommands.has(node.name) && argumentCount === 0;
  return { typed, names: names.map(quoteWord), keyPrefix: wantsKey ? current : undefined };
}
