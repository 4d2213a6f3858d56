import { compareVersions, type Version } from "../../services/core/topology.js";
import { brandAs, type Epoch } from "../../services/core/ids.js";

/** A write under way. */
export interface PendingWrite {
  readonly index: number;
  /** Which of the key's writes it is, from 1. */
  readonly number: number;
  readonly kind: "put" | "delete";
  /** Of the model: the key's newest delete before this write. */
  readonly deleteBefore: number;
}

/** What a read saw. `version` where it was asked for. */
export type Observation =
  | { readonly kind: "present"; readonly counter?: number; readonly version?: Version }
  | { readonly kind: "absent" };

/**
 * What every key must hold. Each key has one writer, with one write of it at a time, so its history is a row of numbered
 * writes and a linearizable read has to answer with a state between the newest write known to be in effect when it
 * began and the newest one begun when it ended. The writer, which reads between its writes, finds the two the same.
 */
export class KeyModel {
  readonly size: number;
  /** Newest write begun; 0: none. */
  readonly #begun: Uint32Array;
  /** Newest write known to be in effect: acknowledged, or seen by a read. */
  readonly #known: Uint32Array;
  /** Newest write begun that is a delete. */
  readonly #newestDelete: Uint32Array;
  /** Newest write acknowledged. */
  readonly #acknowledged: Uint32Array;
  /** Version of the newest put acknowledged. */
  readonly #epochs: Uint32Array;
  readonly #seqs: Float64Array;

  constructor(size: number) {
    this.size = size;
    this.#begun = new Uint32Array(size);
    this.#known = new Uint32Array(size);
    this.#newestDelete = new Uint32Array(size);
    this.#acknowledged = new Uint32Array(size);
    this.#epochs = new Uint32Array(size);
    this.#seqs = new Float64Array(size);
  }

  /** Whether every write of the key was acknowledged. False for ever once the outcome of one stayed unknown. */
  isSettled(index: number): boolean {
    return this.#begun[index] === this.#acknowledged[index];
  }

  /** Whether the key exists once its writes have ended. */
  isPresent(index: number): boolean {
    return this.#newestDelete[index] !== this.#begun[index];
  }

  /** The version of a key that is settled and present. */
  versionOf(index: number): Version {
    return { epoch: brandAs<Epoch>(this.#epochs[index] ?? 0), seq: this.#seqs[index] ?? 0 };
  }

  /** Number of keys that exist: exact when every key is settled. */
  countPresent(): number {
    let present = 0;
    for (let index = 0; index < this.size; index += 1) if (this.isPresent(index)) present += 1;
    return present;
  }

  /** Begins the key's next write. Until it ends, reads may see the state before or after it. */
  beginWrite(index: number, kind: PendingWrite["kind"]): PendingWrite {
    const number = (this.#begun[index] ?? 0) + 1;
    const deleteBefore = this.#newestDelete[index] ?? 0;
    this.#begun[index] = number;
    if (kind === "delete") this.#newestDelete[index] = number;
    return { index, number, kind, deleteBefore };
  }

  /** The write was acknowledged. Returns what is wrong with the version it got, if anything. */
  acknowledge(write: PendingWrite, version?: Version): string | undefined {
    const { index, number } = write;
    const before = this.versionOf(index);
    this.#acknowledged[index] = number;
    this.#raise(index, number);
    if (version === undefined) return undefined;
    this.#epochs[index] = version.epoch;
    this.#seqs[index] = version.seq;
    if (compareVersions(version, before) > 0) return undefined;
    return `got version ${format(version)}, which is not above ${format(before)} of an earlier write`;
  }

  /** The write is certain to have had no effect. */
  retract({ index, number, deleteBefore }: PendingWrite): void {
    this.#begun[index] = number - 1;
    this.#newestDelete[index] = deleteBefore;
  }

  /** The oldest write that a read which begins now may answer with; give it to {@link judge}. */
  beginRead(index: number): number {
    return this.#known[index] ?? 0;
  }

  /** Judges the answer of a read. Returns what is wrong with it; undefined when nothing is. */
  judge(index: number, oldest: number, seen: Observation): string | undefined {
    const newest = this.#begun[index] ?? 0;
    const newestDelete = this.#newestDelete[index] ?? 0;
    if (seen.kind === "absent") {
      return newestDelete >= oldest ? undefined : `is absent, though write ${oldest} stored it`;
    }
    const { counter, version } = seen;
    if (counter === undefined) {
      // Present is wrong only if nothing but deletes, or nothing at all, can be in effect.
      const onlyDelete = oldest === newest && newestDelete === newest;
      return onlyDelete ? `is present, though write ${newest} deleted it` : undefined;
    }
    if (counter < oldest) return `is stale: of write ${counter}, after write ${oldest} was in effect`;
    if (counter > newest) return `is of write ${counter}, but only ${newest} were begun`;
    if (version && counter === newest && this.isSettled(index)) {
      const expected = this.versionOf(index);
      if (compareVersions(version, expected) !== 0) {
        return `has version ${format(version)} instead of ${format(expected)}`;
      }
    }
    this.#raise(index, counter);
    return undefined;
  }

  #raise(index: number, number: number): void {
    if (number > (this.#known[index] ?? 0)) this.#known[index] = number;
  }
}

function format(version: Version): string {
  return `${version.epoch}.${version.seq}`;
}
