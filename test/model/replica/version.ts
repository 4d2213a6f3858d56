/** What wrote a key: the primary's epoch, and the partition's sequence number, which is never reused. */
export interface Version {
  readonly epoch: number;
  readonly seq: number;
}

/** The version of a partition that nobody has written. */
export const zeroVersion: Version = { epoch: 0, seq: 0 };

/** Negative, zero or positive, as `a` is older than, equal to or newer than `b`: by epoch, then by sequence number. */
export function compareVersions(a: Version, b: Version): number {
  return a.epoch - b.epoch || a.seq - b.seq;
}

/** The newer of two versions. */
export function newerOf(a: Version, b: Version): Version {
  return compareVersions(a, b) >= 0 ? a : b;
}

/** The older of two versions. */
export function olderOf(a: Version, b: Version): Version {
  return compareVersions(a, b) <= 0 ? a : b;
}

/** For traces and violations. */
export function versionText({ epoch, seq }: Version): string {
  return `${epoch}.${seq}`;
}
