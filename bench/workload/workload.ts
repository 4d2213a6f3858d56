import type { Distribution } from "./key-choice.js";

/** What a call does. A read-modify-write is two calls one after the other, timed as one. */
export const operationKinds = ["read", "update", "insert", "delete", "scan", "readModifyWrite"] as const;

/** One of {@link operationKinds}. */
export type OperationKind = (typeof operationKinds)[number];

/** What is called, how often, and with which keys and values. */
export interface Workload {
  readonly name: string;
  /** Share of each kind; together 1. */
  readonly mix: Readonly<Partial<Record<OperationKind, number>>>;
  readonly distribution: Distribution;
  /** Keys that exist when it begins. */
  readonly keys: number;
  readonly valueBytes: number;
  /** Most entries of a scan; the length is drawn from 1 up to it. */
  readonly scanLengthMax: number;
}

/** Reads and updates, `readShare` of them reads, of uniformly drawn keys. */
export function readUpdateMix(readShare: number, keys: number, valueBytes: number): Workload {
  return {
    name: `${Math.round(readShare * 100)} % reads`,
    mix: { read: readShare, update: 1 - readShare },
    distribution: "uniform",
    keys,
    valueBytes,
    scanLengthMax: 1,
  };
}
