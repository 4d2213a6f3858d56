import assert from "node:assert/strict";
import { EkvError } from "../../../services/core/errors.js";
import { brandAs, type Generation, type PartitionId } from "../../../services/core/ids.js";
import type { StorageEngine } from "../../../services/core/ports/storage-engine.js";
import { changePositionOf } from "../../../services/store/engine/log/change-reader.js";
import { segmentHeaderBytes } from "../../../services/store/engine/log/layout.js";
import type { LogEngine } from "../../../services/store/engine/log/log-engine.js";
import { segmentNumberOf } from "../../../services/store/engine/log/segment.js";
import { type OpenReport, openLogEngine } from "../../../services/store/engine/log/open-log.js";
import { SeededRandom } from "../../simulation/world/random.js";
import type { Chain } from "../chain.js";
import { type Content, metaName, textOf } from "../content.js";
import type { DiskImage } from "../disk/history.js";
import { RecordedDisk } from "../disk/recorded-disk.js";
import { Schedule } from "../disk/schedule.js";
import { contentOf } from "../engine-content.js";
import { type ByteKind, type Place, SegmentPlan } from "./place.js";

/** One bit of a file, turned over. */
export interface Flip {
  readonly file: string;
  readonly offset: number;
  readonly bit: number;
}

/** What an engine made of a damaged folder. */
export interface DamageOutcome {
  /** Names that read as what was written. */
  readonly right: number;
  /** Names whose reading failed with an error that names file and offset. */
  readonly refused: number;
  /** Names that read otherwise. */
  readonly different: number;
  /** Opening reported the damaged place. */
  readonly isReported: boolean;
  /** The end of the log, from the damage on, was taken for what a kill leaves of a write. */
  readonly isTorn: boolean;
}

/** Bytes that say whose entry it is: where they are damaged, nobody knows what to refuse. */
const namedBy: ReadonlySet<ByteKind> = new Set<ByteKind>([
  "generation",
  "partition",
  "kind and key length",
  "key",
]);

const changesAtOnce = 100;

/** A folder that is whole, in which bits are turned over one at a time. */
export class DamagedDisk {
  readonly #image: DiskImage;
  readonly #chain: Chain;
  readonly #segmentBytes: number;
  readonly #plans = new Map<string, SegmentPlan>();
  #content: Content = new Map();

  /** @param chain the batches whose content the folder holds */
  constructor(image: DiskImage, chain: Chain, segmentBytes: number) {
    this.#image = image;
    this.#chain = chain;
    this.#segmentBytes = segmentBytes;
    for (const [name, bytes] of image) {
      if (name.endsWith(".log")) this.#plans.set(name, new SegmentPlan(bytes));
    }
  }

  /** Reads the folder as it is: what every damaged one is compared with. */
  async open(): Promise<void> {
    const { engine, schedule } = await this.#opened(this.#image);
    this.#content = contentOf(engine);
    await schedule.until("close", engine.close());
  }

  /** The files in which bits are turned over, with their sizes in bytes. */
  get files(): readonly { readonly name: string; readonly size: number }[] {
    return [...this.#image]
      .filter(([name, { length }]) => length > 0 && !name.endsWith(".tmp"))
      .map(([name, { length }]) => ({ name, size: length }));
  }

  /** Undefined: in the checkpoint. */
  placeOf({ file, offset }: Flip): Place | undefined {
    return this.#plans.get(file)?.placeOf(offset);
  }

  /** Opens the folder with one bit turned over, and reads all that was in it. Throws when that is not as promised. */
  async examine(flip: Flip): Promise<DamageOutcome> {
    const bytes = Buffer.from(this.#image.get(flip.file) ?? []);
    bytes[flip.offset] = (bytes[flip.offset] ?? 0) ^ (1 << flip.bit);
    const { engine, report, schedule } = await this.#opened(new Map([...this.#image, [flip.file, bytes]]));
    const place = this.placeOf(flip);
    const { damages } = report;
    const isTorn = report.tornBytes > 0;
    const { right, refused, different } = this.#read(engine, flip);
    this.#readChanges(engine, flip);
    if (place === undefined) {
      const start = sectionStart(this.#image.get(flip.file) as Uint8Array, flip.offset);
      assert.equal(report.checkpoint, `it is damaged at byte ${start}`, "what is said of the checkpoint");
      assert.deepEqual([...refused, ...different, ...damages], [], "nothing else is damaged");
    } else {
      for (const { file, offset } of damages) {
        assert.ok(file.endsWith(flip.file) && offset === place.start, `reported: ${file} at ${offset}`);
      }
      // Without a checkpoint all of the log is replayed.
      if (report.checkpoint !== undefined) assert.ok(isTorn || damages.length > 0, "nothing is reported");
      if (isTorn && damages.length === 0) this.#checkTorn(engine, place, flip);
      else this.#checkNames(flip, place, { refused, different, isReported: damages.length > 0 });
    }
    await schedule.until("close", engine.close()).catch((error: unknown) => this.#assertNamed(error, flip));
    return {
      right,
      refused: refused.length,
      different: different.length,
      isReported: damages.length > 0,
      isTorn,
    };
  }

  /** What was acknowledged and never synced may go with the damage; then all of it, and nothing that is known to be durable. */
  #checkTorn(engine: StorageEngine, { batch }: Place, flip: Flip): void {
    const durable = Math.max(...[...this.#plans.values()].map((plan) => plan.durableBatch(batch)));
    if (batch !== undefined && batch <= durable) throw new Error(`batch ${batch} of ${durable} durable ones`);
    const content = contentOf(engine);
    if (this.#chain.find(content, 0, this.#chain.length) === undefined) {
      throw new Error(`${flip.file}: ${this.#chain.explain(content, 0, this.#chain.length)}`);
    }
  }

  /** What is whole reads as it was written. What is damaged is refused; only where its name is damaged too, older data may show. */
  #checkNames(
    flip: Flip,
    place: Place,
    read: { readonly refused: readonly string[]; readonly different: readonly string[]; isReported: boolean },
  ): void {
    const { names, kind, start, isDrop } = place;
    const isHeader = kind === "segment header" || kind === "frame header";
    const ofPlace = (name: string): boolean =>
      names.some((of) => name === of || (isDrop && name.startsWith(of)));
    const asRead = isHeader ? "" : this.#plans.get(flip.file)?.nameWith(start, flip.offset, flip.bit);
    const strangers = read.refused.filter((name) => isHeader || (!ofPlace(name) && name !== asRead));
    assert.deepEqual(strangers, [], "nothing else is refused");
    const mayDiffer = isDrop || namedBy.has(kind);
    const changed = read.different.filter((name) => !mayDiffer || !ofPlace(name));
    assert.deepEqual(changed, [], "nothing else is different");
    assert.ok(read.different.length === 0 || read.isReported, `unreported: ${read.different.join(", ")}`);
  }

  #read(engine: StorageEngine, flip: Flip): { right: number; refused: string[]; different: string[] } {
    let right = 0;
    const refused: string[] = [];
    const different: string[] = [];
    for (const name of this.#chain.everNamed) {
      const expected = this.#content.get(name);
      try {
        if (valueOf(engine, name) !== expected) different.push(name);
        else if (expected !== undefined) right += 1;
      } catch (error) {
        this.#assertNamed(error, flip);
        refused.push(name);
      }
    }
    return { right, refused, different };
  }

  /** The list of changes comes to an end, or to the damage. */
  #readChanges(engine: LogEngine, flip: Flip): void {
    const [first = ""] = [...this.#plans.keys()].sort();
    let position = changePositionOf({ number: segmentNumberOf(first) ?? 0 }, segmentHeaderBytes);
    try {
      for (;;) {
        const found = engine.changesSince(position, changesAtOnce);
        if (found === undefined || found.position === position) return;
        position = found.position;
      }
    } catch (error) {
      this.#assertNamed(error, flip);
    }
  }

  /** An error of a reader names the file and where the damaged entry begins. */
  #assertNamed(error: unknown, flip: Flip): void {
    const place = `/${flip.file} is damaged at byte ${this.placeOf(flip)?.start}:`;
    if (error instanceof EkvError && error.message.includes(place)) return;
    throw error;
  }

  async #opened(image: DiskImage): Promise<{ engine: LogEngine; report: OpenReport; schedule: Schedule }> {
    const schedule = new Schedule();
    const reports: OpenReport[] = [];
    const engine = await schedule.until(
      "open",
      openLogEngine({
        folder: new RecordedDisk(image).mount(schedule),
        durability: "fsync",
        clock: schedule,
        random: new SeededRandom(1),
        segmentBytes: this.#segmentBytes,
        report: (report) => reports.push(report),
      }),
    );
    return { engine, report: reports[0] as OpenReport, schedule };
  }
}

/** Where the section of a checkpoint begins that a byte lies in. */
function sectionStart(checkpoint: Uint8Array, offset: number): number {
  const bytes = Buffer.from(checkpoint);
  let start = 0;
  for (;;) {
    const end = start + 8 + bytes.readInt32LE(start);
    if (offset < end) return start;
    start = end;
  }
}

function valueOf(engine: StorageEngine, name: string): string | undefined {
  if (name.startsWith(metaName(""))) return optionalText(engine.getMeta(name.slice(metaName("").length)));
  const [, partition, generation, key] = /^(\d+)\/(\d+) (?:record (.*)|counters)$/.exec(name) ?? [];
  const of = [brandAs<PartitionId>(Number(partition)), brandAs<Generation>(Number(generation))] as const;
  return optionalText(
    key === undefined ? engine.getCounters(...of) : engine.get(...of, Buffer.from(key, "hex")),
  );
}

function optionalText(bytes: Uint8Array | undefined): string | undefined {
  return bytes && textOf(bytes);
}
