import type { Version } from "../../services/core/topology.js";
import type { StoredValue } from "./stored-value.js";

/** The part of the SDK's `Client<StoredValue>` that the demo uses; tests put a memory with faults in its place. */
export interface DemoClient {
  get(key: string): Promise<StoredValue | undefined>;
  getEntry(key: string): Promise<{ readonly value: StoredValue; readonly version: Version } | undefined>;
  contains(key: string): Promise<boolean>;
  put(
    key: string,
    value: StoredValue,
    options?: { readonly ifAbsent?: true; readonly ifVersion?: Version },
  ): Promise<Version>;
  delete(key: string): Promise<boolean>;
  getMany(keys: string[]): Promise<(StoredValue | undefined)[]>;
  putMany(entries: (readonly [string, StoredValue])[]): Promise<Version[]>;
  deleteMany(keys: string[]): Promise<boolean[]>;
  scan(options: {
    readonly prefix?: string;
    readonly keysOnly: true;
    readonly signal?: AbortSignal;
  }): AsyncIterable<{ readonly key: Buffer }>;
}
