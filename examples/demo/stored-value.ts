import type { DataRecord } from "./data-set.js";

/** What the demo stores under a key: the record, who wrote it, and which of its writes this is. */
export interface StoredValue {
  /** The worker that alone writes the key. */
  readonly owner: number;
  /** Number of the write among the key's writes, from 1. {@link refusedCounter}: a write that must be refused. */
  readonly counter: number;
  readonly record: DataRecord;
}

/** The counter of values whose write must be refused, and which therefore nobody may ever read. */
export const refusedCounter = 0;

/**
 * Compares a value read with the one value that its counter allows, field by field. Returns what is wrong with it;
 * undefined when nothing is.
 */
export function complaintAbout(value: StoredValue, owner: number, record: DataRecord): string | undefined {
  if (value === null || typeof value !== "object" || !Number.isSafeInteger(value.counter)) {
    return `is no value of this demo: ${JSON.stringify(value)}`;
  }
  const expected: StoredValue = { owner, counter: value.counter, record };
  const [found, wanted] = [JSON.stringify(value), JSON.stringify(expected)];
  if (found !== wanted) return `is damaged: ${found} instead of ${wanted}`;
  if (value.counter === refusedCounter) return "is of a write that the store had to refuse";
  return undefined;
}
