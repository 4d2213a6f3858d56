import { EkvError } from "../../../services/core/errors.js";
import { brandAs, type Generation, type PartitionId } from "../../../services/core/ids.js";
import type { StorageEngine } from "../../../services/core/ports/storage-engine.js";
import { type OpenReport, openLogEngine } from "../../../services/store/engine/log/open-log.js";
import { SeededRandom } from "../../simulation/world/random.js";
import type { Chain } from "../chain.js";
import { type Content, metaName, textOf } from "../content.js";
import type { DiskImage } from "../disk/history.js";
import { RecordedDisk } from "../disk/recorded-disk.js";
import { Schedule } from "../disk/schedule.js";
import { contentOf } from "../engine-content.js";
import { type Place, SegmentPlan } from "./place.js";

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
  /** Names that read otherwise; allowed only where a report at the start named the place that they depend on. */
  readonly different: readonly string[];
  readonly isReported: boolean;
  /** The end of the log, from the damage on, was taken for what a kill leaves of a write. */
  readonly isTorn: boolean;
}

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

  drawFlip(random: SeededRandom): Flip {
    const files = [...this.#image].filter(([name, { length }]) => length > 0 && !name.endsWith(".tmp"));
    const [file, bytes] = random.pick(files);
    return { file, offset: random.below(bytes.length), bit: random.below(8) };
  }

  placeOf({ file, offset }: Flip): Place | undefined {
    return this.#plans.get(file)?.placeOf(offset);
  }

  /** Opens the folder with one bit turned over, and reads all that was in it. Throws when that is not as promised. */
  async examine(flip: Flip): Promise<DamageOutcome> {
    const bytes = Buffer.from(this.#image.get(flip.file) ?? []);
    bytes[flip.offset] = (bytes[flip.offset] ?? 0) ^ (1 << flip.bit);
    const { engine, report, schedule } = await this.#opened(new Map([...this.#image, [flip.file, bytes]]));
    const place = this.placeOf(flip);
    const isReported = report.damages.some(({ file, offset }) => file.endsWith(flip.file) && offset >= 0);
    const isTorn = report.tornBytes > 0;
    const outcome = { ...this.#read(engine), isReported, isTorn };
    if (place === undefined) {
      if (!/damaged at byte \d+/.test(report.checkpoint ?? "")) throw new Error("the checkpoint is believed");
      if (outcome.different.length > 0) throw new Error(`different: ${outcome.different.join(", ")}`);
    } else if (isTorn && !isReported) this.#checkTorn(engine, place, flip);
    else this.#checkDifferences(outcome, place);
    await schedule.until("close", engine.close()).catch((error: unknown) => assertNamed(error));
    return outcome;
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

  #checkDifferences({ different, isReported }: DamageOutcome, { names, kind }: Place): void {
    const others = different.filter(
      (name) => !names.some((of) => name === of || (of.endsWith(" ") && name.startsWith(of))),
    );
    if (others.length > 0) throw new Error(`damage of a ${kind} changed others: ${others.join(", ")}`);
    if (different.length > 0 && !isReported) throw new Error(`unreported: ${different.join(", ")}`);
  }

  #read(engine: StorageEngine): { right: number; refused: number; different: string[] } {
    let right = 0;
    let refused = 0;
    const different: string[] = [];
    for (const [name, expected] of this.#content) {
      try {
        const found = valueOf(engine, name);
        if (found === expected) right += 1;
        else different.push(name);
      } catch (error) {
        assertNamed(error);
        refused += 1;
      }
    }
    return { right, refused, different: [...different, ...this.#returned(engine)] };
  }

  /** Names that were deleted and are back. */
  #returned(engine: StorageEngine): string[] {
    return [...this.#chain.everNamed].filter((name) => {
      if (this.#content.has(name)) return false;
      try {
        return valueOf(engine, name) !== undefined;
      } catch (error) {
        assertNamed(error);
        return false;
      }
    });
  }

  async #opened(
    image: DiskImage,
  ): Promise<{ engine: StorageEngine; report: OpenReport; schedule: Schedule }> {
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

function assertNamed(error: unknown): void {
  if (error instanceof EkvError && /\.log is damaged at byte \d+/.test(error.message)) return;
  throw error;
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
