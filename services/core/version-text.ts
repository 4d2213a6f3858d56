import { brandAs, type Epoch } from "./ids.js";
import { limits } from "./limits.js";
import type { Version } from "./topology.js";

const pattern = /^(\d{1,10})\.(\d{1,16})$/;

/** A version as text: `epoch.seq`, such as `3.17`. */
export function formatVersion(version: Version): string {
  return `${version.epoch}.${version.seq}`;
}

/** The reverse of {@link formatVersion}; undefined for any other text. */
export function parseVersion(text: string): Version | undefined {
  const match = pattern.exec(text);
  return match ? versionOf(Number(match[1]), Number(match[2])) : undefined;
}

/** A version of plain numbers or bigints; undefined for what no write can have. */
export function versionOf(epoch: unknown, seq: unknown): Version | undefined {
  const version = { epoch: wholeNumber(epoch), seq: wholeNumber(seq) };
  if (!(version.epoch <= limits.epochMax && version.seq <= Number.MAX_SAFE_INTEGER)) return undefined;
  return { epoch: brandAs<Epoch>(version.epoch), seq: version.seq };
}

/** NaN for what is no whole number from 0. */
function wholeNumber(value: unknown): number {
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : NaN;
}
