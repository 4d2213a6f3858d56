import { limits } from "../services/core/limits.js";
import type { Version } from "../services/core/topology.js";
import { parseVersion, versionOf } from "../services/core/version-text.js";
import {
  abortSignal,
  duration,
  flag,
  nameType,
  oneOf,
  optional,
  type OptionCheck,
  type OptionTable,
  optionTable,
  showValue,
  wholeNumber,
} from "./option-checks.js";
import type { WriteOptions } from "./options.js";
import type { CallSettings } from "./pending-call.js";

/** Options that every call takes. */
const common: Readonly<Record<string, OptionCheck>> = {
  deadlineMs: optional(duration),
  signal: optional(abortSignal),
};

/** Unlike other options, a condition that is there and undefined must not count as none: the write would overwrite. */
const version: OptionCheck = (value) => {
  if (versionFrom(value) !== undefined) return undefined;
  const shown = typeof value === "object" && value !== null ? "no version" : showValue(value);
  return `is ${shown}; give what put or getEntry returned or "epoch.seq", or ifAbsent: true for a key that must not exist`;
};

const timeToLive: OptionCheck = (value) => {
  const problem = wholeNumber(1, limits.ttlMsMax)(value);
  return problem && `${problem} of milliseconds, or leave it out to keep the key for ever`;
};

const limit: OptionCheck = (value) =>
  value === Infinity || (Number.isSafeInteger(value) && (value as number) >= 0)
    ? undefined
    : `is ${showValue(value)}; give a whole number of entries, or leave it out`;

const text: OptionCheck = (value) =>
  typeof value === "string" || value instanceof Uint8Array
    ? undefined
    : `is ${nameType(value)}; give a string or bytes`;

/** What a read of this name takes. */
export function readTable(of: string): OptionTable {
  return optionTable(of, { ...common, consistency: optional(oneOf("linearizable", "eventual")) });
}

/** What a put of this name takes. */
export function putTable(of: string): OptionTable {
  const checks = { ...common, ifAbsent: flag, ifVersion: version, ttlMs: optional(timeToLive) };
  return optionTable(of, checks, ["ifAbsent", "ifVersion"]);
}

/** What a deletion of this name takes. */
export function deleteTable(of: string): OptionTable {
  return optionTable(of, { ...common, ifVersion: version });
}

/** What a scan takes. */
export const scanTable: OptionTable = optionTable("scan", {
  ...common,
  prefix: optional(text),
  limit: optional(limit),
  keysOnly: optional(flag),
});

/** What a call of AdminClient takes besides its request. */
export const adminTable: OptionTable = optionTable("the call", common);

/** A version as callers give it: `{ epoch, seq }` of numbers or bigints, or `epoch.seq`. Undefined: it is none. */
function versionFrom(value: unknown): Version | undefined {
  if (typeof value === "string") return parseVersion(value);
  if (typeof value !== "object" || value === null) return undefined;
  const { epoch, seq } = value as { readonly epoch?: unknown; readonly seq?: unknown };
  return versionOf(epoch, seq);
}

/** What a write carries besides key and value, of options that were checked; undefined: nothing. */
export function writeSettings(options: WriteOptions | undefined): CallSettings | undefined {
  if (options === undefined) return undefined;
  const { ifAbsent = false, ttlMs = 0 } = options;
  const ifVersion = versionFrom(options.ifVersion);
  return ifAbsent || ifVersion || ttlMs !== 0 ? { ifAbsent, ifVersion, ttlMs, eventual: false } : undefined;
}
