import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { EngineSnapshot, ExpiredKey, StorageEngine } from "../../services/core/ports/storage-engine.js";
import { recordExpiresAtMs } from "../../services/core/record.js";
import {
  countersOf,
  deleteOf,
  engineKinds,
  generationOf,
  partitionOf,
  putOf,
  type SingleWrite,
  temporaryFolder,
  withColumns,
} from "../support/engines.js";

interface Stored {
  readonly partition: number;
  readonly generation: number;
  readonly key: string;
  readonly record: string;
}

/** What an engine should hold, with bytes as hex. */
interface Model {
  /** By `partition/generation/key`. */
  readonly entries: ReadonlyMap<string, Stored>;
  /** By `partition/generation`. */
  readonly counters: ReadonlyMap<string, string>;
}

const partitions = [0, 1, 65_535];
const generations = [1, 2, 4_294_967_295];
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

// Few and awkward keys: prefixes of one another, zero bytes, 0xff.
const key = fc
  .constantFrom(..."00 0000 0001 61 6100 6161 62 ff ffff fe".split(" "))
  .map((hex) => Buffer.from(hex, "hex"));
const write: fc.Arbitrary<SingleWrite> = fc.oneof(
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
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...partitions),
        fc.constantFrom(...generations),
        fc.uint8Array({ minLength: 1, maxLength: 4 }),
      )
      .map((counters) => countersOf(...counters)),
  },
);
const target = {
  partition: fc.constantFrom(...partitions),
  generation: fc.constantFrom(...generations),
};
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("commit" as const), batch: fc.array(write, { maxLength: 12 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("dropGeneration" as const), ...target }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("snapshot" as const), ...target }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("closeSnapshot" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function after({ entries, counters }: Model, batch: readonly SingleWrite[]): Model {
  const next = { entries: new Map(entries), counters: new Map(counters) };
  for (const change of batch) {
    if (change.kind === "meta") continue;
    const { partition, generation } = change;
    if (change.kind === "counters") {
      next.counters.set(`${partition}/${generation}`, hexOf(change.value));
      continue;
    }
    const hex = hexOf(change.key);
    const name = `${partition}/${generation}/${hex}`;
    if (change.kind === "delete") next.entries.delete(name);
    else next.entries.set(name, { partition, generation, key: hex, record: hexOf(change.record) });
  }
  return next;
}

function without({ entries, counters }: Model, partition: number, generation: number): Model {
  const prefix = `${partition}/${generation}`;
  return {
    entries: new Map([...entries].filter(([name]) => !name.startsWith(`${prefix}/`))),
    counters: new Map([...counters].filter(([name]) => name !== prefix)),
  };
}

function entriesOf(model: Model, partition: number, generation: number): Stored[] {
  return [...model.entries.values()]
    .filter((stored) => stored.partition === partition && stored.generation === generation)
    .toSorted((a, b) => Buffer.from(a.key, "hex").compare(Buffer.from(b.key, "hex")));
}

function assertRanges(engine: StorageEngine, model: Model): void {
  for (const partition of partitions) {
    for (const generation of generations) {
      const expected = entriesOf(model, partition, generation).map((stored) => [stored.key, stored.record]);
      const range = (bounds?: { prefix?: Uint8Array; behind?: Uint8Array }): string[][] =>
        Array.from(engine.range(partitionOf(partition), generationOf(generation), bounds), (entry) => [
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

/** All that has expired, `limit` keys at a time. It must not be more than `most`. */
function expiredInPieces(engine: StorageEngine, wallMs: number, limit: number, most: number): ExpiredKey[] {
  const found: ExpiredKey[] = [];
  for (;;) {
    const piece = engine.expired(wallMs, limit, found.at(-1)?.position);
    found.push(...piece);
    assert.ok(found.length <= most, "a key is found again");
    if (piece.length < limit) return found;
  }
}

function assertExpired(engine: StorageEngine, model: Model): void {
  for (const wallMs of [9, 10, 25, 2 ** 48]) {
    const expected = [...model.entries.values()]
      .map((stored) => ({ stored, expiresAtMs: recordExpiresAtMs(Buffer.from(stored.record, "hex")) }))
      .filter(({ expiresAtMs }) => expiresAtMs !== 0 && expiresAtMs <= wallMs);
    const found = expiredInPieces(engine, wallMs, 3, expected.length);
    assert.deepEqual(engine.expired(wallMs, 1000), found);
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
  for (const stored of model.entries.values()) {
    const record = engine.get(
      partitionOf(stored.partition),
      generationOf(stored.generation),
      Buffer.from(stored.key, "hex"),
    );
    assert.equal(record && hexOf(record), stored.record);
  }
  const named = partitions.flatMap((partition) => generations.map((of) => [partition, of] as const));
  for (const [partition, of] of named) {
    const counters = engine.getCounters(partitionOf(partition), generationOf(of));
    assert.equal(counters && hexOf(counters), model.counters.get(`${partition}/${of}`));
  }
  assert.deepEqual(
    engine.listGenerations().map(({ partition, generation }) => [partition, generation]),
    named.filter(
      ([partition, of]) =>
        entriesOf(model, partition, of).length > 0 || model.counters.has(`${partition}/${of}`),
    ),
  );
}

/** A snapshot, and what it should hold. */
interface Frozen {
  readonly snapshot: EngineSnapshot;
  readonly entries: readonly Stored[];
}

function assertFrozen({ snapshot, entries }: Frozen): void {
  const found = Array.from(
    snapshot.entries(),
    ({ key: bytes, record }) => `${hexOf(bytes)} ${hexOf(record)}`,
  );
  const expected = entries.map(({ key: hex, record }) => `${hex} ${record}`);
  assert.deepEqual(found.toSorted(), expected.toSorted());
}

async function runSteps(engine: StorageEngine, steps: readonly Step[]): Promise<void> {
  let model: Model = { entries: new Map(), counters: new Map() };
  const snapshots: Frozen[] = [];
  for (const next of steps) {
    if (next.kind === "commit") {
      await engine.commit(next.batch.length % 2 === 0 ? withColumns(next.batch) : next.batch);
      model = after(model, next.batch);
    } else if (next.kind === "dropGeneration") {
      await engine.dropGeneration(partitionOf(next.partition), generationOf(next.generation));
      model = without(model, next.partition, next.generation);
    } else if (next.kind === "snapshot") {
      const { partition, generation } = next;
      snapshots.push({
        snapshot: engine.snapshot(partitionOf(partition), generationOf(generation)),
        entries: entriesOf(model, partition, generation),
      });
    } else {
      snapshots.shift()?.snapshot.close();
    }
    assertAgrees(engine, model);
  }
  for (const frozen of snapshots) {
    assertFrozen(frozen);
    frozen.snapshot.close();
  }
}

describe("a storage engine behaves like a plain map", () => {
  for (const { kind, open } of engineKinds) {
    test(`${kind}: reads, ranges, snapshots, counters, expiry index and drops`, async () => {
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
