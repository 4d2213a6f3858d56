import assert from "node:assert/strict";
import type {
  EngineEntry,
  EngineSnapshot,
  GenerationName,
} from "../../services/core/ports/storage-engine.js";
import { textOf } from "../power-loss/content.js";
import type { SingleWrite } from "../support/engines.js";
import type { ModelledEngine } from "./modelled-engine.js";

/** A generation of an engine. */
export interface Holding {
  readonly at: ModelledEngine;
  readonly name: GenerationName;
}

/** A snapshot, and the entries that it has to give. */
export class CheckedSnapshot {
  readonly at: ModelledEngine;
  readonly #snapshot: EngineSnapshot;
  readonly #missing: Map<string, string>;
  readonly #entries: IterableIterator<EngineEntry>;

  /** The engine must be settled. */
  constructor({ at, name }: Holding) {
    this.at = at;
    this.#missing = at.model.entriesOf(name);
    this.#snapshot = at.engine.snapshot(name.partition, name.generation);
    this.#entries = this.#snapshot.entries();
  }

  /** The next entries. Throws when one is not as it was when the snapshot was taken. */
  take(most: number): EngineEntry[] {
    const taken: EngineEntry[] = [];
    while (taken.length < most) {
      const { value: entry } = this.#entries.next();
      if (entry === undefined) break;
      const key = textOf(entry.key);
      const expected = this.#missing.get(key);
      const wanted = expected === undefined ? "nothing" : Buffer.from(expected, "latin1").toString("hex");
      assert.equal(textOf(entry.record), expected, `a snapshot has ${key}, where it should have ${wanted}`);
      this.#missing.delete(key);
      taken.push(entry);
    }
    return taken;
  }

  /** Takes what is left. Throws when it was not everything. */
  finish(): void {
    this.take(Infinity);
    const [lost] = this.#missing.keys();
    assert.equal(lost, undefined, `a snapshot lacks ${this.#missing.size} keys`);
    this.close();
  }

  close(): void {
    this.#snapshot.close();
  }
}

/** Copies a generation as a move of a partition does: a snapshot first, then what was written meanwhile. */
export class Move {
  readonly from: Holding;
  readonly to: Holding;
  readonly #snapshot: CheckedSnapshot;
  readonly #since: SingleWrite[] = [];

  /** The engine of `from` must be settled. */
  constructor(from: Holding, to: Holding) {
    this.from = from;
    this.to = to;
    this.#snapshot = new CheckedSnapshot(from);
  }

  /** Takes note of a write to the source. */
  note(write: SingleWrite): void {
    if (write.kind !== "meta") this.#since.push({ ...write, ...this.to.name });
  }

  /** Copies some entries. Returns whether there are more. */
  step(entries: number): boolean {
    const taken = this.#snapshot.take(entries);
    const { at, name } = this.to;
    if (taken.length > 0) {
      at.commit(
        taken.map((entry) => ({ kind: "put", ...name, ...entry })),
        "columns",
      );
    }
    return taken.length === entries;
  }

  /** Brings the target up to date. Throws when it is not what the source is. */
  finish(): void {
    this.#snapshot.finish();
    if (this.#since.length > 0) this.to.at.commit(this.#since);
    const [source, target] = [this.from, this.to].map(({ at, name }) => at.model.entriesOf(name));
    assert.deepEqual(target, source, "a move's target should be what its source is");
  }

  /** Gives up: what was copied goes. */
  abort(): void {
    this.#snapshot.close();
    this.to.at.drop(this.to.name);
  }
}
