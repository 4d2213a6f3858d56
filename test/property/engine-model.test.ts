import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { EngineSnapshot, EngineWrite, StorageEngine } from "../../services/core/ports/storage-engine.js";
import { recordExpiresAtMs } from "../../services/core/record.js";
import {
  deleteOf,
  engineKinds,
  generationOf,
  partitionOf,
  putOf,
  temporaryFolder,
} from "../support/engines.js";

interface Stored {
  readonly partition: number;
  readonly generation: number;
  readonly key: string;
  readonly record: string;
}

/** What an engine should hold: a plain map from `partition/generation/key`, with bytes as hex. */
type Model = Map<string, Stored>;

const partitions = [0, 1, 65_535];
const generations = [1, 2, 4_294_967_295];
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

// Few and awkward keys: prefixes of one another, zero bytes, 0xff.
const key = fc
  .constantFrom(..."00 0000 0001 61 6100 6161 62 ff ffff fe".split(" "))
  .map((hex) => Buffer.from(hex, "hex"));
const write: fc.Arbitrary<EngineWrite> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...partitions),
        fc.constantFrom(...generations),
        key,
        fc.uint8Array({ maxLength: 4 }),
        fc.constantFrom(0, 0, 10, 20, 2 ** 47),
      )
      .map((put) => putOf(...put)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...partitions), fc.constantFrom(...generations), key)
      .map((target) => deleteOf(...target)),
  },
);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("commit" as const), batch: fc.array(write, { maxLength: 12 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("deleteGeneration" as const),
      partition: fc.constantFrom(...partitions),
      generation: fc.constantFrom(...generations),
      limit: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("snapshot" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("closeSnapshot" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function applyTo(model: Model, change: EngineWrite): void {
  if (change.kind === "meta") return;
  const stored = {
    partition: change.partition,
    generation: change.generation,
    key: hexOf(change.key),
    record: change.kind === "put" ? hexOf(change.record) : "",
  };
  const name = `${stored.partition}/${stored.generation}/${stored.key}`;
  if (change.kind === "put") model.set(name, stored);
  else model.delete(name);
}

function entriesOf(model: Model, partition: number, generation: number): Stored[] {
  return [...model.values()]
    .filter((stored) => stored.partition === partition && stored.generation === generation)
    .toSorted((a, b) => Buffer.from(a.key, "hex").compare(Buffer.from(b.key, "hex")));
}

function assertRanges(view: Pick<StorageEngine, "range">, model: Model): void {
  for (const partition of partitions) {
    for (const generation of generations) {
      const expected = entriesOf(model, partition, generation).map((stored) => [stored.key, stored.record]);
      const range = (bounds?: { prefix?: Uint8Array; behind?: Uint8Array }): string[][] =>
        Array.from(view.range(partitionOf(partition), generationOf(generation), bounds), (entry) => [
          hexOf(entry.key),
          hexOf(entry.record),
        ]);
      assert.deepEqual(range(), expected);
      for (const prefix of ["", "61", "00", "ff"]) {
        for (const behind of [undefined, "", "0000", "61", "ff"]) {
          assert.deepEqual(
            range({
              prefix: Buffer.from(prefix, "hex"),
              ...(behind !== undefined && { behind: Buffer.from(behind, "hex") }),
            }),
            expected.filter(
              ([hex = ""]) => hex.startsWith(prefix) && (behind === undefined || isBehind(hex, behind)),
            ),
          );
        }
      }
    }
  }
}

function isBehind(hex: string, behind: string): boolean {
  return Buffer.from(hex, "hex").compare(Buffer.from(behind, "hex")) > 0;
}

function assertExpired(engine: StorageEngine, model: Model): void {
  for (const wallMs of [9, 10, 25, 2 ** 48]) {
    const expected = [...model.values()]
      .map((stored) => ({ stored, expiresAtMs: recordExpiresAtMs(Buffer.from(stored.record, "hex")) }))
      .filter(({ expiresAtMs }) => expiresAtMs !== 0 && expiresAtMs <= wallMs);
    const found = engine.expired(wallMs, 1000);
    const nameOf = (of: { partition: number; generation: number }, hex: string): string =>
      `${of.partition}/${of.generation}/${hex}`;
    assert.deepEqual(
      found.map((entry) => nameOf(entry, hexOf(entry.key))).toSorted(),
      expected.map(({ stored }) => nameOf(stored, stored.key)).toSorted(),
    );
  }
}

function assertAgrees(engine: StorageEngine, model: Model): void {
  assertRanges(engine, model);
  assertExpired(engine, model);
  for (const stored of model.values()) {
    const record = engine.get(
      partitionOf(stored.partition),
      generationOf(stored.generation),
      Buffer.from(stored.key, "hex"),
    );
    assert.equal(record && hexOf(record), stored.record);
  }
  const listed = [...model.values()].map(({ partition, generation }) => `${partition}/${generation}`);
  assert.deepEqual(
    engine
      .listGenerations()
      .map(({ partition, generation }) => `${partition}/${generation}`)
      .toSorted(),
    [...new Set(listed)].toSorted(),
  );
}

async function runSteps(engine: StorageEngine, steps: readonly Step[]): Promise<void> {
  const model: Model = new Map();
  const snapshots: { snapshot: EngineSnapshot; model: Model }[] = [];
  for (const next of steps) {
    if (next.kind === "commit") {
      await engine.commit(next.batch);
      for (const change of next.batch) applyTo(model, change);
    } else if (next.kind === "deleteGeneration") {
      const doomed = entriesOf(model, next.partition, next.generation).slice(0, next.limit);
      for (const { partition, generation, key: hex } of doomed)
        model.delete(`${partition}/${generation}/${hex}`);
      assert.equal(
        await engine.deleteGeneration(partitionOf(next.partition), generationOf(next.generation), next.limit),
        doomed.length,
      );
    } else if (next.kind === "snapshot") {
      snapshots.push({ snapshot: engine.snapshot(), model: new Map(model) });
    } else {
      snapshots.shift()?.snapshot.close();
    }
    assertAgrees(engine, model);
  }
  for (const { snapshot, model: frozen } of snapshots) {
    assertRanges(snapshot, frozen);
    snapshot.close();
  }
}

describe("a storage engine behaves like a plain map", () => {
  for (const { kind, open } of engineKinds) {
    test(`${kind}: reads, ranges, snapshots, expiry index and generation deletion`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const folder = await temporaryFolder();
          const engine = await open(folder.path);
          try {
            await runSteps(engine, steps);
          } finally {
            await engine.close();
            await folder.remove();
          }
        }),
        { numRuns: kind === "memory" ? 150 : 40 },
      );
    });
  }
});
