import { readFileSync } from "node:fs";
import type { z } from "zod";
import { EkvError, invalidArgument } from "../core/errors.js";

/** One setting: where it may come from, what it means, how its text is read. */
export interface Setting<T> {
  /** Long flag without dashes: `suspect-after-ms`. The environment variable is `EKV_SUSPECT_AFTER_MS`. */
  readonly flag: string;
  /** What it does; the unit is in the flag's name or here. */
  readonly description: string;
  /** Undefined: it must be given. */
  readonly default: T | undefined;
  /** Reads a text, or a JSON value of the settings file. */
  readonly schema: z.ZodType<T>;
  /** A flag that needs no value: `--create`, `--no-create`. */
  readonly isBoolean: boolean;
}

/** A group of settings by the name its value gets. */
export type SettingsSchema = Readonly<Record<string, Setting<unknown>>>;

/** The values of a schema. */
export type Settings<S extends SettingsSchema> = {
  readonly [N in keyof S]: S[N] extends Setting<infer T> ? T : never;
};

/** Declares a setting with a default; see {@link Setting}. */
export function setting<T>(
  flag: string,
  schema: z.ZodType<T>,
  defaultValue: T,
  description: string,
): Setting<T> {
  return { flag, schema, default: defaultValue, description, isBoolean: typeof defaultValue === "boolean" };
}

/** Declares a setting that must be given. */
export function requiredSetting<T>(flag: string, schema: z.ZodType<T>, description: string): Setting<T> {
  return { flag, schema, default: undefined, description, isBoolean: false };
}

/** Where settings come from. */
export interface SettingsSources {
  /** Arguments behind the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Values, and the names of those that were given rather than defaulted. */
export interface LoadedSettings<S extends SettingsSchema> {
  readonly values: Settings<S>;
  readonly given: ReadonlySet<keyof S>;
}

const configFlag = "config";

/** The environment variable of a setting. */
export function environmentName(flag: string): string {
  return `EKV_${flag.toUpperCase().replaceAll("-", "_")}`;
}

/**
 * Reads settings: flags before environment before the JSON file of `--config` (or EKV_CONFIG) before defaults. An
 * unknown flag or key, or a bad value, is INVALID_ARGUMENT with the setting's name, where it came from, and the fix.
 */
export function loadSettings<S extends SettingsSchema>(
  schema: S,
  sources: SettingsSources,
): LoadedSettings<S> {
  const flags = readFlags(schema, sources.argv);
  const path = flags.get(configFlag) ?? sources.env[environmentName(configFlag)];
  const file = path === undefined ? new Map<string, unknown>() : readFile(schema, path);
  const values: Record<string, unknown> = {};
  const given = new Set<keyof S>();
  for (const [name, one] of Object.entries(schema)) {
    const { flag } = one;
    const found = [
      [flags.get(flag), `--${flag}`],
      [sources.env[environmentName(flag)], environmentName(flag)],
      [file.get(flag), `${flag} in ${path ?? ""}`],
    ].find(([value]) => value !== undefined);
    if (found) given.add(name);
    else if (one.default === undefined) {
      throw invalidArgument(flag, `must be given: --${flag} <value>, or ${environmentName(flag)}`);
    }
    values[name] = found ? parse(one, found[0], String(found[1])) : one.default;
  }
  return { values: values as Settings<S>, given };
}

/** The text of `--help`. */
export function renderHelp(title: string, intro: string, schema: SettingsSchema): string {
  const lines = Object.values(schema).map((one) => {
    const shown = one.default === undefined ? "required" : `default ${showValue(one.default)}`;
    return `  --${one.flag}${one.isBoolean ? "" : " <value>"}\n      ${one.description} (${shown}; ${environmentName(one.flag)})`;
  });
  return `${title}\n\n${intro}\n\nSettings, each as a flag, in the environment, or as a key of the JSON file of --config:\n\n${lines.join("\n")}\n`;
}

/** The settings as a Markdown table, for docs. */
export function renderSettingsMarkdown(schema: SettingsSchema): string {
  const rows = Object.values(schema).map(
    (one) =>
      `| \`--${one.flag}\` | ${one.default === undefined ? "required" : `\`${showValue(one.default)}\``} | ${one.description} |`,
  );
  return ["| setting | default | what it does |", "|---|---|---|", ...rows].join("\n");
}

function showValue(value: unknown): string {
  return typeof value === "string" && value !== "" ? value : JSON.stringify(value);
}

function readFlags(schema: SettingsSchema, argv: readonly string[]): Map<string, string> {
  const booleans = new Map(Object.values(schema).map((one) => [one.flag, one.isBoolean]));
  booleans.set(configFlag, false);
  const flags = new Map<string, string>();
  for (let i = 0; i < argv.length; i += 1) {
    const [dashed, inline] = splitOnce(argv[i] ?? "");
    if (!dashed.startsWith("--")) throw invalidArgument(dashed, "is no flag; flags begin with --");
    const name = dashed.slice(2);
    const negated = name.startsWith("no-") ? name.slice(3) : undefined;
    const isBoolean = booleans.get(name);
    if (isBoolean === undefined && negated !== undefined && booleans.get(negated) === true) {
      if (inline !== undefined) throw invalidArgument(dashed, `takes no value; give --${negated}=${inline}`);
      flags.set(negated, "false");
    } else if (isBoolean === undefined) {
      throw unknownName(dashed, [...booleans.keys()], name);
    } else if (isBoolean || inline !== undefined) {
      flags.set(name, inline ?? "true");
    } else {
      i += 1;
      flags.set(name, valueAfter(name, argv[i]));
    }
  }
  return flags;
}

/** A forgotten value must not swallow the next flag. */
function valueAfter(name: string, next: string | undefined): string {
  if (next !== undefined && !next.startsWith("--")) return next;
  throw invalidArgument(name, `needs a value: --${name} <value> (--${name}=<value> if it begins with --)`);
}

function splitOnce(argument: string): [string, string | undefined] {
  const at = argument.indexOf("=");
  return at < 0 ? [argument, undefined] : [argument.slice(0, at), argument.slice(at + 1)];
}

function readFile(schema: SettingsSchema, path: string): Map<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new EkvError("INVALID_ARGUMENT", `config: ${path} cannot be read as JSON: ${String(error)}`, {
      cause: error,
    });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw invalidArgument("config", `${path} must hold one JSON object of settings`);
  }
  const known = Object.values(schema).map((one) => one.flag);
  for (const name of Object.keys(parsed)) {
    if (!known.includes(name)) throw unknownName(`${name} in ${path}`, known, name);
  }
  return new Map(Object.entries(parsed));
}

function parse(one: Setting<unknown>, value: unknown, from: string): unknown {
  const result = one.schema.safeParse(value);
  if (result.success) return result.data;
  const reason = result.error.issues.map((issue) => issue.message).join("; ");
  throw invalidArgument(one.flag, `${JSON.stringify(value)} (from ${from}) is not valid: ${reason}`);
}

function unknownName(shown: string, known: readonly string[], name: string): EkvError {
  const nearest = known
    .map((candidate) => ({ candidate, distance: editDistance(candidate, name) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const hint =
    nearest && nearest.distance <= Math.max(2, name.length / 3)
      ? `; did you mean ${nearest.candidate}?`
      : "; see --help";
  return invalidArgument(shown, `is not a setting${hint}`);
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
