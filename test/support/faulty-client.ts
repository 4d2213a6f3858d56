import type { DemoClient } from "../../examples/demo/demo-client.js";
import type { StoredValue } from "../../examples/demo/stored-value.js";
import { EkvError } from "../../services/core/errors.js";
import { brandAs, type Epoch } from "../../services/core/ids.js";
import { compareVersions, type Version } from "../../services/core/topology.js";

/** A key-value store in memory, right in itself, whose methods a test overrides to make it wrong. */
export class MemoryClient implements DemoClient {
  readonly entries = new Map<string, { readonly value: StoredValue; readonly version: Version }>();
  #seq = 0;

  async get(key: string): Promise<StoredValue | undefined> {
    return (await this.getEntry(key))?.value;
  }

  async getEntry(key: string): Promise<{ value: StoredValue; version: Version } | undefined> {
    const entry = this.entries.get(key);
    return entry && { value: structuredClone(entry.value), version: entry.version };
  }

  async contains(key: string): Promise<boolean> {
    return this.entries.has(key);
  }

  async put(
    key: string,
    value: StoredValue,
    condition: { readonly ifAbsent?: true; readonly ifVersion?: Version } = {},
  ): Promise<Version> {
    const current = this.entries.get(key)?.version;
    const { ifAbsent, ifVersion } = condition;
    const matches = ifVersion === undefined || (current && compareVersions(current, ifVersion) === 0);
    if ((ifAbsent && current) || !matches) {
      throw new EkvError("CONDITION_FAILED", "refused", { notExecuted: true, ...(current && { current }) });
    }
    this.#seq += 1;
    const version = { epoch: brandAs<Epoch>(1), seq: this.#seq };
    this.entries.set(key, { value: structuredClone(value), version });
    return version;
  }

  async delete(key: string): Promise<boolean> {
    return this.entries.delete(key);
  }

  async getMany(keys: string[]): Promise<(StoredValue | undefined)[]> {
    return Promise.all(keys.map((key) => this.get(key)));
  }

  async putMany(entries: (readonly [string, StoredValue])[]): Promise<Version[]> {
    return Promise.all(entries.map(([key, value]) => this.put(key, value)));
  }

  async deleteMany(keys: string[]): Promise<boolean[]> {
    return Promise.all(keys.map((key) => this.delete(key)));
  }

  async *scan({ prefix = "" }: { readonly prefix?: string }): AsyncIterable<{ readonly key: Buffer }> {
    for (const key of this.entries.keys()) if (key.startsWith(prefix)) yield { key: Buffer.from(key) };
  }
}
