import { EkvError, errorOfCall, invalidArgument } from "../services/core/errors.js";

/** What is wrong with an option's value, as the end of a sentence that begins with its name; undefined: nothing. */
export type OptionCheck = (value: unknown) => string | undefined;

/** The options that a function takes, each with its check. */
export interface OptionTable {
  /** What takes them, for errors. */
  readonly of: string;
  readonly checks: ReadonlyMap<string, OptionCheck>;
  /** Two options that exclude each other, the second of which an error names. */
  readonly exclusive: readonly [string, string] | undefined;
}

/** Longest deadline, in milliseconds: what a timer can wait. */
const deadlineMsMax = 2 ** 31 - 1;
/** How far a name may be from the one that was meant: letters to add, drop or change. */
const typoLetters = 2;

/** A table of options. */
export function optionTable(
  of: string,
  checks: Readonly<Record<string, OptionCheck>>,
  exclusive?: OptionTable["exclusive"],
): OptionTable {
  return { of, checks: new Map(Object.entries(checks)), exclusive };
}

/**
 * Throws INVALID_ARGUMENT unless `options` is undefined or an object whose every option is known and right. This is for
 * callers in JavaScript: an option that is misspelt or of another type must not be passed over.
 */
export function checkOptions(options: unknown, { of, checks, exclusive }: OptionTable): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    const problem = `is ${nameType(options)}; give an object, or leave it out`;
    throw refusedBy(of, invalidArgument("options", problem));
  }
  const values = options as Readonly<Record<string, unknown>>;
  for (const name in values) {
    const check = checks.get(name);
    if (check === undefined) throw refusedBy(of, unknownOption(of, name, [...checks.keys()]));
    const problem = check(values[name]);
    if (problem !== undefined) throw refusedBy(of, invalidArgument(name, problem));
  }
  if (exclusive && values[exclusive[0]] && values[exclusive[1]]) {
    throw refusedBy(of, invalidArgument(exclusive[1], `cannot be given together with ${exclusive[0]}`));
  }
}

/** The error of a call that was refused before it began. */
export function refusedBy(call: string, error: EkvError): EkvError {
  return errorOfCall(error, { call, attempts: 0 });
}

/** A name that `of` does not take. */
export function unknownOption(of: string, name: string, known: readonly string[]): EkvError {
  const meant = known.find((option) => isMeantBy(name, option));
  const advice =
    meant !== undefined
      ? `did you mean ${meant}?`
      : known.length > 0
        ? `${of} takes ${known.join(", ")}`
        : `${of} takes none`;
  return new EkvError("INVALID_ARGUMENT", `unknown option ${name}; ${advice}`, {
    notExecuted: true,
    violations: [{ field: name, description: `is unknown; ${advice}` }],
  });
}

/** What a value is, in words: `null`, `a string`, `an array`. */
export function nameType(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  const name = Array.isArray(value) ? "array" : typeof value;
  return `${/^[aeiou]/.test(name) ? "an" : "a"} ${name}`;
}

/** A value as an error shows it: numbers and short strings as they are, of all else the type. */
export function showValue(value: unknown): string {
  if (typeof value === "string" && value.length <= 40) return JSON.stringify(value);
  return typeof value === "number" || typeof value === "boolean" ? String(value) : nameType(value);
}

/** `check`, of which undefined means the default. */
export function optional(check: OptionCheck): OptionCheck {
  return (value) => (value === undefined ? undefined : check(value));
}

/** A whole number within bounds. */
export function wholeNumber(least: number, most: number): OptionCheck {
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : `is ${showValue(value)}; give a whole number from ${least} to ${most}`;
}

/** Milliseconds that a timer can wait. */
export const duration: OptionCheck = (value) =>
  typeof value === "number" && value > 0 && value <= deadlineMsMax
    ? undefined
    : `is ${showValue(value)}; give milliseconds above 0 up to ${deadlineMsMax}`;

/** True or false. */
export const flag: OptionCheck = (value) =>
  typeof value === "boolean" ? undefined : `is ${showValue(value)}; give true or false`;

/** One of these texts. */
export function oneOf(...choices: readonly string[]): OptionCheck {
  return (value) =>
    choices.includes(value as string) ? undefined : `is ${showValue(value)}; give ${choices.join(" or ")}`;
}

/** A function. */
export const callback: OptionCheck = (value) =>
  typeof value === "function" ? undefined : `is ${showValue(value)}; give a function`;

/** An AbortSignal, of whichever make. */
export const abortSignal: OptionCheck = (value) => {
  if (value instanceof AbortSignal) return undefined;
  const signal = value as Partial<AbortSignal> | null;
  const isSignal =
    typeof signal === "object" &&
    typeof signal?.aborted === "boolean" &&
    typeof signal.addEventListener === "function";
  return isSignal ? undefined : `is ${showValue(value)}; give an AbortSignal, such as AbortController.signal`;
};

/** Whether somebody who wrote `name` meant `option`: they differ in case, in what is added, or by a typing error. */
function isMeantBy(name: string, option: string): boolean {
  const [a, b] = [name.toLowerCase(), option.toLowerCase()].map((text) => text.replaceAll(/[^a-z]/g, ""));
  if (a === undefined || b === undefined || a.length < 2) return false;
  return b.startsWith(a) || a.startsWith(b) || distance(a, b) <= Math.min(typoLetters, a.length / 3);
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 0; i < a.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j += 1) {
      const changed = (row[j] as number) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
