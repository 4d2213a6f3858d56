/** A replica of an entry: a store as it was registered. A store that has another incarnation since is suspect. */
export interface Member {
  readonly store: number;
  readonly incarnation: number;
}

/** Who has a partition. Each change has a higher epoch. */
export interface Entry {
  readonly epoch: number;
  readonly primary: Member;
  readonly backups: readonly Member[];
  /** The topology version of the commit that made it. */
  readonly topologyVersion: number;
  /** The former primary has released the partition: its leases need not be waited for. */
  readonly released: boolean;
  /** Armed: this backup may make the next entry by itself once the primary releases the partition to it. */
  readonly successor?: Member;
}

/** The primary and the backups. */
export function membersOf({ primary, backups }: Entry): readonly Member[] {
  return [primary, ...backups];
}

/** The store's place in an entry. */
export function memberOf(entry: Entry, store: number): Member | undefined {
  return membersOf(entry).find((member) => member.store === store);
}

/** Whether both name the same process of the same store. */
export function isSame(a: Member | undefined, b: Member | undefined): boolean {
  return a !== undefined && b !== undefined && a.store === b.store && a.incarnation === b.incarnation;
}

/** Those that are not the given store. */
export function without(members: readonly Member[], store: number): readonly Member[] {
  return members.filter((member) => member.store !== store);
}

/** The one entry that the successor of an armed entry may make by itself. */
export function nextOf(armed: Entry, successor: Member, keepsFormer: boolean): Entry {
  const { epoch, primary, backups, topologyVersion } = armed;
  const rest = without(backups, successor.store);
  const all = keepsFormer ? [...rest, primary] : rest;
  return { epoch: epoch + 1, primary: successor, backups: all, topologyVersion, released: true };
}

/** The same for two entries that say the same, whatever the order of the backups. */
export function contentText({ primary, backups, successor }: Entry): string {
  const names = backups.map(({ store, incarnation }) => `${store}.${incarnation}`).toSorted();
  return JSON.stringify([primary, names, successor]);
}

/** For traces and violations: `3: s0i1 + s1i1`. */
export function entryText(entry: Entry): string {
  const name = ({ store, incarnation }: Member): string => `s${store}i${incarnation}`;
  const successor = entry.successor ? ` then ${name(entry.successor)}` : "";
  return `${entry.epoch}: ${membersOf(entry).map(name).join(" + ")}${successor}${entry.released ? " (released)" : ""}`;
}
