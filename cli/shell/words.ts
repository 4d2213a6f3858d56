import { invalidArgument } from "../../services/core/errors.js";

/** A line of the shell cut into words. */
export interface SplitLine {
  readonly words: readonly string[];
  /** Whether the line ends inside a word, so that completion continues it. */
  readonly openWord: boolean;
  /** Where in the line the last word begins; the line's length when none is open. */
  readonly lastStart: number;
}

/**
 * Cuts a line into words as a POSIX shell does: spaces separate, single quotes keep everything, double quotes all but
 * backslash and quote, a backslash keeps the next character. Nothing is expanded. Throws `INVALID_ARGUMENT` for a
 * quote that does not end, unless `partial`.
 */
export function splitWords(line: string, options: { readonly partial?: true } = {}): SplitLine {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  let lastStart = line.length;
  for (let i = 0; i < line.length; i += 1) {
    const character = line[i] ?? "";
    if (quote === "" && (character === " " || character === "\t")) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    if (word === undefined) lastStart = i;
    word ??= "";
    if (character === "\\" && quote !== "'") {
      const next = line[i + 1] ?? "";
      const escapes = quote === "" || next === '"' || next === "\\";
      word += escapes ? next : character;
      if (escapes) i += 1;
    } else if (quote === "" && (character === "'" || character === '"')) {
      quote = character;
    } else if (character === quote) {
      quote = "";
    } else {
      word += character;
    }
  }
  if (quote !== "" && !options.partial) throw invalidArgument("line", `has a ${quote} that does not end`);
  const openWord = word !== undefined;
  if (word !== undefined) words.push(word);
  return { words, openWord, lastStart: openWord ? lastStart : line.length };
}

/** A text as one word that {@link splitWords} reads back. */
export function quoteWord(text: string): string {
  return /^[^\s'"\\]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
