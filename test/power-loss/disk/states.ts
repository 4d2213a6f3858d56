import type { SeededRandom } from "../../simulation/world/random.js";
import type { FileNumber } from "./history.js";
import type { DiskArrival, InterruptedDisk } from "./interrupted-disk.js";
import { type Arrival, extentOf, type PendingFile, sectorBytes } from "./pending-file.js";

/** A state that a disk may be in after the power went. */
export interface DiskState {
  /** What it is, for people. */
  readonly name: string;
  /** Whether a killed process leaves it too, whose power stayed: all that it wrote is there. */
  readonly isKill: boolean;
  /** Whether the last event is half done: what was promised after it does not count. */
  readonly isWithinEvent: boolean;
  readonly arrival: DiskArrival;
}

type ContentRule = (file: PendingFile, number: FileNumber) => Arrival;
type EntryRule = (index: number) => boolean;

const nothing: ContentRule = (file) => ({ sector: () => 0, size: file.durable.length });
const everything: ContentRule = (file) => ({ sector: () => file.pending, size: file.sizes().at(-1) ?? 0 });
const allEntries: EntryRule = () => true;
const noEntries: EntryRule = () => false;

/** Everything except the pending change `index` of each file: what it touched is as it was before. */
function without(index: (pending: number) => number): ContentRule {
  return (file) => {
    const missing = index(file.pending);
    const change = file.pendingChange(missing);
    if (!change) return everything(file, 0);
    return {
      sector: (sector) => (isTouched(file, missing, sector) ? missing : file.pending),
      size: file.sizes().at(-1) ?? 0,
    };
  };
}

/** The last change alone. */
const lastAlone: ContentRule = (file) => ({
  sector: (sector) => (isTouched(file, file.pending - 1, sector) ? file.pending : 0),
  size: file.sizes().at(-1) ?? 0,
});

/** The lengths of all, the data of none: zeros. */
const lengthsAlone: ContentRule = (file) => ({ sector: () => 0, size: Math.max(...file.sizes()) });

/** The data of all, the lengths of none. */
const dataAlone: ContentRule = (file) => ({ sector: () => file.pending, size: file.durable.length });

function isTouched(file: PendingFile, index: number, sector: number): boolean {
  const change = file.pendingChange(index);
  if (!change) return false;
  const { from, to } = extentOf(change, Infinity);
  return from < (sector + 1) * sectorBytes && to > sector * sectorBytes;
}

function rules(content: ContentRule, entry: EntryRule): DiskArrival {
  return { entry, content };
}

/** The states that come first to mind, of any disk. */
export function systematicStates(): DiskState[] {
  const powerLoss: Record<string, DiskArrival> = {
    "nothing that was not synced": rules(nothing, noEntries),
    "all data, no entries": rules(everything, noEntries),
    "all entries, no data": rules(nothing, allEntries),
    "all but the last change of each file": rules(
      without((pending) => pending - 1),
      allEntries,
    ),
    "all but the first change of each file": rules(
      without(() => 0),
      allEntries,
    ),
    "the last change of each file alone": rules(lastAlone, allEntries),
    "all lengths, no data": rules(lengthsAlone, allEntries),
    "all data, no lengths": rules(dataAlone, allEntries),
  };
  return [
    { name: "everything", isKill: true, isWithinEvent: false, arrival: rules(everything, allEntries) },
    ...Object.entries(powerLoss).map(([name, arrival]) => ({
      name,
      isKill: false,
      isWithinEvent: false,
      arrival,
    })),
  ];
}

/** The state that a process leaves which was killed in the middle of its last write, to that file. */
export function killedWhileWriting(
  disk: InterruptedDisk,
  written: FileNumber,
  random: SeededRandom,
): DiskState {
  const file = disk.files.get(written);
  const change = file?.pendingChange(file.pending - 1);
  if (!file || change?.kind !== "write") throw new Error(`the last change of file ${written} is no write`);
  const lastBytes = random.below(change.bytes.length);
  const size = Math.max(file.sizes().at(-2) ?? 0, change.position + lastBytes);
  return {
    name: `everything except what is after ${lastBytes} of ${change.bytes.length} bytes of the last write`,
    isKill: true,
    isWithinEvent: true,
    arrival: rules(
      (of, number) => ({ ...everything(of, number), ...(number === written && { size, lastBytes }) }),
      allEntries,
    ),
  };
}

/** How far sectors got, each by itself or by some rule. */
function drawSectors(file: PendingFile, random: SeededRandom): (sector: number) => number {
  const versions = file.pending;
  const kind = random.below(5);
  // The same order as written, up to some change; or that with a few sectors of what is next.
  const upTo = random.below(versions + 1);
  if (kind === 0) return () => upTo;
  if (kind === 1) {
    const torn = new Map<number, number>();
    return (sector) => upTo + remembered(torn, sector, () => (random.chance(0.5) ? 1 : 0), versions - upTo);
  }
  const sectors = file.sectors();
  const one = random.below(Math.max(1, sectors));
  if (kind === 2) return (sector) => (sector === one ? upTo : versions);
  if (kind === 3) return (sector) => (sector === one ? versions : upTo);
  const drawn = new Map<number, number>();
  return (sector) => remembered(drawn, sector, () => random.below(versions + 1), versions);
}

function remembered(known: Map<number, number>, sector: number, draw: () => number, most: number): number {
  let value = known.get(sector);
  if (value === undefined) known.set(sector, (value = draw()));
  return Math.min(value, most);
}

/** A length between the least and the largest that the file had: as written, at a sector's end, or anywhere. */
function drawSize(file: PendingFile, random: SeededRandom): number {
  const sizes = file.sizes();
  const least = Math.min(...sizes);
  const most = Math.max(...sizes);
  const kind = random.below(4);
  if (kind === 0) return sizes.at(-1) ?? 0;
  if (kind === 1) return random.pick(sizes);
  const anywhere = least + random.below(most - least + 1);
  if (kind === 2) return anywhere;
  return Math.min(most, Math.max(least, Math.round(anywhere / sectorBytes) * sectorBytes));
}

/** A state drawn at random. `stale`: what blocks of the disk held that were freed before, which now and then shows. */
export function drawState(random: SeededRandom, stale: readonly Uint8Array[]): DiskState {
  const uniform = random.chance(0.3) ? random.pick([nothing, everything, lengthsAlone]) : undefined;
  const entries = random.below(3);
  const showsStale = stale.length > 0 && random.chance(0.15);
  const content: ContentRule = (file, number) => {
    if (file.pending === 0) return nothing(file, number);
    const arrival = uniform?.(file, number) ?? {
      sector: drawSectors(file, random),
      size: drawSize(file, random),
    };
    return showsStale ? { ...arrival, stale: random.pick(stale) } : arrival;
  };
  const entry: EntryRule = entries === 0 ? allEntries : () => random.chance(entries === 1 ? 0.5 : 0.9);
  return {
    name: `drawn${showsStale ? ", with what was in freed blocks" : ""}`,
    isKill: false,
    isWithinEvent: false,
    arrival: rules(content, entry),
  };
}
