import { InvalidArgumentError } from "commander";
import { type EngineName, engineViolation } from "../services/core/data-settings.js";
import { isStoreId } from "../services/core/ids.js";
import { limits } from "../services/core/limits.js";
import type { Version } from "../services/core/topology.js";
import { parseVersion } from "../services/core/version-text.js";

/** Parsers of option and argument values; each throws commander's InvalidArgumentError with what is expected. */

/** A whole number within bounds. */
export function parseInteger(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** `host:port,host:port`. */
export function parseSeeds(text: string): string[] {
  const seeds = text.split(",").map((seed) => seed.trim());
  for (const seed of seeds) {
    const port = Number(/^(?:[^\s:,]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/.exec(seed)?.[1] ?? 0);
    if (port < 1 || port > 65_535) {
      throw new InvalidArgumentError("Expected host:port, several separated by commas.");
    }
  }
  return seeds;
}

/** A key's version as every command prints it: `epoch.seq`. */
export function parseVersionArgument(text: string): Version {
  const version = parseVersion(text);
  if (version === undefined) throw new InvalidArgumentError("Expected epoch.seq, such as 3.17.");
  return version;
}

/** Milliseconds to live. */
export const parseTtlMs: (text: string) => number = parseInteger(1, limits.ttlMsMax);

/** Where stores keep data. */
export function parseEngine(text: string): EngineName {
  const violation = engineViolation(text);
  if (violation !== undefined) throw new InvalidArgumentError(violation);
  return text as EngineName;
}

/** The name of a store. */
export function parseStoreId(text: string): string {
  if (!isStoreId(text)) {
    throw new InvalidArgumentError("Expected 1 to 63 characters of a-z, 0-9 and '-', not at either end.");
  }
  return text;
}
