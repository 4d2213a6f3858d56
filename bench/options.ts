import { parseArgs } from "node:util";

/** A wrong command line; the message says what is right. */
export class UsageError extends Error {}

/** A number that a bench takes as `--name`. */
export interface NumberOption {
  readonly default: number;
  readonly help: string;
}

/** Takes `--name <text>` out of the arguments; undefined: it was not there. */
export function takeText(args: string[], name: string): string | undefined {
  const at = args.indexOf(`--${name}`);
  if (at < 0) return undefined;
  const [, text] = args.splice(at, 2);
  if (text === undefined) throw new UsageError(`--${name}: give a value`);
  return text;
}

/** Takes `--name` out of the arguments, and says whether it was there. */
export function takeFlag(args: string[], name: string): boolean {
  const at = args.indexOf(`--${name}`);
  if (at >= 0) args.splice(at, 1);
  return at >= 0;
}

/** Numbers from a command line, by name; other options are refused. */
export function numberOptions<N extends string>(
  args: readonly string[],
  known: Readonly<Record<N, NumberOption>>,
): Record<N, number> {
  const names = Object.keys(known) as N[];
  const values: Record<string, unknown> = parse(args, names, known);
  return Object.fromEntries(
    names.map((name) => {
      const given = values[name];
      if (given === undefined) return [name, known[name].default];
      const value = Number(given);
      if (Number.isNaN(value) || given === "") throw new UsageError(`--${name}: give a number`);
      return [name, value];
    }),
  ) as Record<N, number>;
}

function parse(
  args: readonly string[],
  names: readonly string[],
  known: Readonly<Record<string, NumberOption>>,
): Record<string, unknown> {
  try {
    const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    const lines = names.map((name) => `  --${name} <number>  ${known[name]?.help} (${known[name]?.default})`);
    throw new UsageError(`${(error as Error).message}\noptions:\n${lines.join("\n")}`, { cause: error });
  }
}
