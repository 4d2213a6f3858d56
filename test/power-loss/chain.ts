import { brandAs, type Generation, type PartitionId } from "../../services/core/ids.js";
import type { SingleWrite } from "../support/engines.js";
import {
  type Change,
  type Content,
  countersName,
  differencesOf,
  generationName,
  metaName,
  recordName,
  textOf,
} from "./content.js";

/** What is done to an engine at once: a commit, or a drop of a generation. */
export type Batch =
  | { readonly kind: "commit"; readonly writes: readonly SingleWrite[] }
  | { readonly kind: "drop"; readonly partition: PartitionId; readonly generation: Generation };

/** Batches one after the other, and so the content after each of them: what an engine may hold is one of these. */
export class Chain {
  readonly #steps: (readonly Change[])[] = [];
  /** Undefined for what {@link of} made. */
  readonly #batches: (Batch | undefined)[] = [];
  readonly #head = new Map<string, string>();

  /** How many batches there are. */
  get length(): number {
    return this.#steps.length;
  }

  /** The content after all batches. */
  get head(): Content {
    return this.#head;
  }

  /** Every name that a batch changed, whether it is there now or not. */
  get everNamed(): ReadonlySet<string> {
    return new Set(this.#steps.flatMap((changes) => changes.map(({ name }) => name)));
  }

  /** A chain whose first batch made all of a content. */
  static of(content: Content): Chain {
    const chain = new Chain();
    const changes = [...content].map(([name, value]) => ({ name, value }));
    chain.#push(undefined, changes);
    return chain;
  }

  /** What a batch changes, by its number from 0 on. */
  changesOf(number: number): readonly Change[] {
    return this.#steps[number] ?? [];
  }

  append(batch: Batch): void {
    const changes = batch.kind === "commit" ? batch.writes.map(changeOf) : this.#changesOfDrop(batch);
    this.#push(batch, changes);
  }

  /** A chain of its own of the first `length` batches. */
  first(length: number): Chain {
    const chain = new Chain();
    for (const [number, changes] of this.#steps.slice(0, length).entries()) {
      chain.#push(this.#batches[number], changes);
    }
    return chain;
  }

  /** A chain of its own, as if some batches, by their numbers from 0 on, had never been. */
  without(missing: ReadonlySet<number>): Chain {
    const chain = new Chain();
    for (const [number, changes] of this.#steps.entries()) {
      const batch = this.#batches[number];
      if (missing.has(number)) continue;
      // What a drop changes depends on what is before it.
      if (batch === undefined) chain.#push(batch, changes);
      else chain.append(batch);
    }
    return chain;
  }

  /** After how many batches, from `least` to `most`, the content was this; undefined: after none of them. */
  find(actual: Content, least: number, most: number): number | undefined {
    const expected = this.#after(least);
    const different = new Set<string>();
    const look = (name: string): void => {
      if (actual.get(name) === expected.get(name)) different.delete(name);
      else different.add(name);
    };
    for (const name of actual.keys()) look(name);
    for (const name of expected.keys()) look(name);
    for (let length = least; length <= most; length += 1) {
      if (different.size === 0) return length;
      const changes = this.#steps[length] ?? [];
      applyAll(expected, changes);
      for (const { name } of changes) look(name);
    }
    return undefined;
  }

  /** Why a content is not that after `least` to `most` batches: how it differs from the one that is nearest. */
  explain(actual: Content, least: number, most: number): string {
    const outside = this.find(actual, 0, this.length);
    if (outside !== undefined) {
      return `the content after ${outside} batches is there; it has to be that after ${least} to ${most}`;
    }
    let nearest = { length: least, differences: [] as string[], count: Infinity };
    for (let length = 0; length <= this.length; length += 1) {
      const expected = this.#after(length);
      const count = differencesOf(actual, expected, Infinity).length;
      if (count < nearest.count) nearest = { length, differences: differencesOf(actual, expected), count };
    }
    return (
      `the content is that after no number of batches (${least} to ${most} are allowed); ` +
      `nearest is ${nearest.length}: ${nearest.differences.join("; ")}`
    );
  }

  #push(batch: Batch | undefined, changes: readonly Change[]): void {
    this.#batches.push(batch);
    this.#steps.push(changes);
    applyAll(this.#head, changes);
  }

  #after(length: number): Map<string, string> {
    const content = new Map<string, string>();
    for (const changes of this.#steps.slice(0, length)) applyAll(content, changes);
    return content;
  }

  #changesOfDrop({ partition, generation }: { partition: number; generation: number }): Change[] {
    const prefix = generationName(partition, generation);
    return [...this.#head.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => ({ name, value: undefined }));
  }
}

function applyAll(content: Map<string, string>, changes: readonly Change[]): void {
  for (const { name, value } of changes) {
    if (value === undefined) content.delete(name);
    else content.set(name, value);
  }
}

function changeOf(write: SingleWrite): Change {
  switch (write.kind) {
    case "put":
      return {
        name: recordName(write.partition, write.generation, write.key),
        value: textOf(write.record),
      };
    case "delete":
      return { name: recordName(write.partition, write.generation, write.key), value: undefined };
    case "counters":
      return { name: countersName(write.partition, write.generation), value: textOf(write.value) };
    case "meta":
      return { name: metaName(write.name), value: write.value && textOf(write.value) };
  }
}

/** The batch that drops a generation. */
export function dropOf(partition: number, generation: number): Batch {
  return { kind: "drop", partition: brandAs(partition), generation: brandAs(generation) };
}
