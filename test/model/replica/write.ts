import { type Version, versionText } from "./version.js";

/** What identifies a call of a client through all its repetitions. */
export interface CallMark {
  readonly client: number;
  readonly call: number;
  /** The client's lowest unfinished call: nothing below it is ever repeated. */
  readonly floor: number;
}

/** A write as the primary orders it: the log's record and what it replicates. */
export interface Write {
  readonly version: Version;
  readonly key: string;
  readonly value: string;
  readonly mark: CallMark;
}

/** Tells any two writes of a run apart. */
export function writeName({ version, key, value, mark }: Write): string {
  return `${versionText(version)} ${key}=${value} by c${mark.client}/${mark.call}`;
}
