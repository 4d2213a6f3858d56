import { crc32 } from "node:zlib";
import type { SeededRandom } from "../simulation/world/random.js";
import type { DiskEvent, DiskImage } from "./disk/history.js";
import { InterruptedDisk } from "./disk/interrupted-disk.js";
import { RecordedDisk } from "./disk/recorded-disk.js";
import { Schedule } from "./disk/schedule.js";
import { type DiskState, drawState, killedWhileWriting, systematicStates } from "./disk/states.js";
import type { Bounds, Found, Promised } from "./promised.js";
import { emptyStart, recordRun, type RunOptions, type RunRecord } from "./run.js";
import type { OpenSubject } from "./subject.js";

/** How much of a history is looked at. */
export interface ExplorationOptions {
  /** Of the moments at which the power may go: a share from 0 to 1. */
  readonly share: number;
  /** States that are drawn at each, besides the systematic ones. */
  readonly drawn: number;
  /** Of the states: the share with which a new run begins that is cut again. */
  readonly goOnShare: number;
  /** How often the power goes, one time after the other. */
  readonly cuts: number;
  /** Called for each state that was opened. False: it is enough. */
  onState(): boolean;
}

/** A broken promise, and where in the run. */
export class BrokenPromise extends Error {
  override readonly name = "BrokenPromise";
  /** What happened to the disk before, the last events first. */
  readonly events: readonly string[];

  constructor(message: string, events: readonly string[], cause?: unknown) {
    super(message, { cause });
    this.events = events;
  }
}

/** Cuts the power in a run, and opens the engine on what a disk may hold then. */
class Exploration {
  readonly #run: RunOptions;
  readonly #open: OpenSubject;
  readonly #options: ExplorationOptions;
  #isOver = false;

  constructor(run: RunOptions, open: OpenSubject, options: ExplorationOptions) {
    this.#run = run;
    this.#open = open;
    this.#options = options;
  }

  /** Looks at one history, cut at many moments. `before`: the cuts that led to its beginning. */
  async explore({ disk, promises }: RunRecord, before: readonly string[]): Promise<void> {
    const interrupted = new InterruptedDisk(disk.initial);
    const stale: Uint8Array[] = [];
    const seen = new Map<string, number>();
    for (let at = 0; at <= disk.events.length && !this.#isOver; at += 1) {
      const event = disk.events[at - 1];
      if (event) {
        noteFreed(interrupted, event, stale);
        interrupted.advance(event);
      }
      const random = this.#run.random.fork(`cut ${at} ${before.length}`);
      // Where something begins or ends to be durable, promises break; a write among others is looked at more seldom.
      const isRare = event?.kind !== "write";
      if (!random.chance(this.#options.share * (isRare ? 3 : 1))) continue;
      for (const state of this.#statesAt(interrupted, event, random, stale)) {
        if (this.#isOver) return;
        const name = `cut after event ${at} of ${disk.events.length}: ${state.name}`;
        const promisedAt = state.isWithinEvent ? at - 1 : at;
        const promised = promises.findLast(({ from }) => from <= promisedAt) as Promised;
        const { least } = promised.boundsAt(promisedAt, state.isKill);
        const bounds = { least, most: promised.boundsAt(at, state.isKill).most };
        await this.#check({ at, name, state, promised, bounds, interrupted, random, seen, disk, before });
      }
    }
  }

  #statesAt(
    disk: InterruptedDisk,
    event: DiskEvent | undefined,
    random: SeededRandom,
    stale: readonly Uint8Array[],
  ): DiskState[] {
    const drawn = Array.from({ length: this.#options.drawn }, () => drawState(random, stale));
    const torn =
      event?.kind === "write" && event.bytes.length > 0 ? [killedWhileWriting(disk, event.file, random)] : [];
    return [...systematicStates(), ...torn, ...drawn];
  }

  async #check(cut: {
    at: number;
    name: string;
    state: DiskState;
    promised: Promised;
    bounds: Bounds;
    interrupted: InterruptedDisk;
    random: SeededRandom;
    seen: Map<string, number>;
    disk: RecordedDisk;
    before: readonly string[];
  }): Promise<void> {
    const { at, name, state, promised, bounds, interrupted, random, seen, before } = cut;
    const image = interrupted.image(state.arrival);
    const key = `${promised.from}:${fingerprintOf(image)}`;
    const known = seen.get(key);
    if (known !== undefined && known >= bounds.least && known <= bounds.most) return;
    const cuts = [...before, name];
    try {
      const found = await this.#opened(image, promised, { ...bounds, at }, random.chance(0.2));
      if (found.isPlain) seen.set(key, found.handed);
      if (cuts.length < this.#options.cuts && random.chance(this.#options.goOnShare)) {
        const options = {
          ...this.#run,
          random: random.fork("again"),
          style: { ...this.#run.style, seed: this.#run.style.seed + at },
          steps: Math.ceil(this.#run.steps / 8),
        };
        const again = new Exploration(options, this.#open, this.#options);
        const start = { disk: new RecordedDisk(image), chain: found.chain };
        const record = await recordRun(options, this.#open, start);
        await again.explore(record, cuts);
        this.#isOver ||= again.#isOver;
      }
    } catch (error) {
      if (error instanceof BrokenPromise) throw error;
      const first = Math.max(0, at - 40);
      const events = cut.disk.events.slice(first, at).map((event, index) => inWords(event, first + index));
      throw new BrokenPromise(`${cuts.join("; then ")}: ${String(error)}`, events.reverse(), error);
    }
    if (!this.#options.onState()) this.#isOver = true;
  }

  /** Opens the engine on a disk; the batches whose content is there. */
  async #opened(
    image: DiskImage,
    promised: Promised,
    cut: Bounds & { readonly at: number },
    twice: boolean,
  ): Promise<Found> {
    const disk = new RecordedDisk(image);
    let found: Found | undefined;
    for (let time = 0; time < (twice ? 2 : 1); time += 1) {
      const schedule = new Schedule();
      const folder = disk.mount(schedule);
      const engine = { ...this.#run.engine, folder, clock: schedule, random: this.#run.random.fork("open") };
      const subject = await schedule.until("open", this.#open(engine));
      const problem = subject.problem();
      if (problem !== undefined) throw new Error(`the engine has a problem: ${problem}`);
      const content = subject.content();
      const { chain } = found ?? {};
      if (chain === undefined) found = promised.find(content, cut, cut.at);
      else if (chain.find(content, chain.length, chain.length) === undefined) found = undefined;
      if (found === undefined)
        throw new Error((time > 0 ? "opened again: " : "") + promised.explain(content, cut, cut.at));
      await schedule.until("close", subject.close());
      if (folder.misuse !== undefined) throw new Error(folder.misuse);
      if (folder.openFiles > 0) throw new Error(`${folder.openFiles} files are open after close()`);
    }
    return found as Found;
  }
}

/** Keeps what blocks hold that are free now: they may be another file's next. */
function noteFreed(disk: InterruptedDisk, event: DiskEvent, stale: Uint8Array[]): void {
  if (event.kind !== "remove") return;
  const number = disk.names.arrived(() => true).get(event.name);
  const file = number === undefined ? undefined : disk.files.get(number);
  if (!file) return;
  stale.push(file.arrived({ sector: () => file.pending, size: file.sizes().at(-1) ?? 0 }));
  if (stale.length > 4) stale.shift();
}

function fingerprintOf(image: DiskImage): string {
  return [...image]
    .map(([name, bytes]) => `${name} ${bytes.length} ${crc32(bytes)}`)
    .sort()
    .join();
}

/** An event in words. */
function inWords(event: DiskEvent, index: number): string {
  switch (event.kind) {
    case "write":
      return `${index} file ${event.file}: write ${event.bytes.length} bytes at ${event.position}`;
    case "truncate":
      return `${index} file ${event.file}: truncate to ${event.size}`;
    case "create":
      return `${index} create ${event.name} as file ${event.file}`;
    case "rename":
      return `${index} rename ${event.from} to ${event.to}`;
    case "remove":
      return `${index} remove ${event.name}`;
    case "syncBegun":
      return `${index} sync ${event.sync} of ${event.file === 0 ? "the folder" : `file ${event.file}`} begun`;
    case "synced":
      return `${index} sync ${event.sync} ended`;
  }
}

/** Records a run on an empty disk and looks at what power cuts leave of it. Rejects with a {@link BrokenPromise}. */
export async function explore(
  run: RunOptions,
  open: OpenSubject,
  options: ExplorationOptions,
): Promise<RunRecord> {
  let record: RunRecord;
  try {
    record = await recordRun(run, open, emptyStart());
  } catch (error) {
    throw new BrokenPromise(`without any cut: ${String(error)}`, [], error);
  }
  await new Exploration(run, open, options).explore(record, []);
  return record;
}
