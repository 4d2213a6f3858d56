import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import type { Generation, PartitionId } from "../../services/core/ids.js";
import type { StorageEngine } from "../../services/core/ports/storage-engine.js";
import { Generations } from "../../services/core/store/generations.js";
import { Turns } from "../../services/core/store/turns.js";
import { memoryEngine, putOf } from "../support/engines.js";

const partitions = [0, 1, 2, 3] as PartitionId[];
const generation = 7 as Generation;

describe("deletions of many generations", () => {
  it("begin one between two pauses, share a repeated call, and end", async () => {
    const inner = memoryEngine();
    for (const id of partitions) await inner.commit([putOf(id, generation, "key", "v")]);
    let drops = 0;
    const perTurn: number[] = [];
    const engine = new Proxy<StorageEngine>(inner, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        if (name === "dropGeneration") drops += 1;
        return value.bind(target) as unknown;
      },
    });
    const turns = new Turns(async () => {
      perTurn.push(drops);
      drops = 0;
      await new Promise((resolve) => setImmediate(resolve));
    });
    const generations = new Generations(engine, turns);
    const deletions = partitions.map((id) => generations.delete(id, generation));
    assert.equal(generations.delete(partitions[0] as PartitionId, generation), deletions[0]);
    await Promise.all(deletions);
    assert.deepEqual(inner.listGenerations(), []);
    assert.deepEqual(perTurn, [1, 1, 1, 1]);
  });

  it("are waited for until the last has ended, well or not", async () => {
    const inner = memoryEngine();
    for (const id of partitions) await inner.commit([putOf(id, generation, "key", "v")]);
    const failing = [partitions[1]];
    const engine = new Proxy<StorageEngine>(inner, {
      get: (target, name) => {
        if (name === "dropGeneration")
          return (id: PartitionId, of: Generation) =>
            failing.includes(id) ? Promise.reject(new Error("I/O error")) : inner.dropGeneration(id, of);
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const generations = new Generations(engine, new Turns(pause));
    for (const id of partitions) generations.delete(id, generation).catch(() => undefined);
    await generations.idle();
    assert.deepEqual(
      inner.listGenerations().map(({ partition }) => partition),
      failing,
    );
  });

  it("go on after one that failed", async () => {
    const inner = memoryEngine();
    for (const id of partitions) await inner.commit([putOf(id, generation, "key", "v")]);
    let failures = 1;
    const engine = new Proxy<StorageEngine>(inner, {
      get: (target, name) => {
        if (name === "dropGeneration" && failures-- > 0) return () => Promise.reject(new Error("I/O error"));
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    const generations = new Generations(engine, new Turns(() => Promise.resolve()));
    const [failed, ...others] = partitions.map((id) => generations.delete(id, generation));
    await assert.rejects(failed as Promise<void>, /I\/O error/);
    await Promise.all(others);
    assert.deepEqual(
      inner.listGenerations().map(({ partition }) => partition),
      [0],
    );
  });
});

describe("numbers of generations", () => {
  it("are taken only when the disk has recorded that they may be", async () => {
    const inner = memoryEngine();
    let isFull = true;
    const engine = new Proxy<StorageEngine>(inner, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        if (name !== "commit" || !isFull) return value.bind(target) as unknown;
        return () => Promise.reject(new EkvError("RESOURCE_EXHAUSTED", "full", { notExecuted: true }));
      },
    });
    const generations = new Generations(engine, new Turns(() => Promise.resolve()));
    await generations.load();
    assert.throws(() => generations.next(), { code: "RESOURCE_EXHAUSTED" });
    await assert.rejects(generations.prepare(1), { code: "RESOURCE_EXHAUSTED" });
    await assert.rejects(generations.prepare(1), { code: "RESOURCE_EXHAUSTED" });
    assert.throws(() => generations.next(), { code: "RESOURCE_EXHAUSTED" });
    isFull = false;
    await generations.prepare(1);
    const first = generations.next();
    const later = new Generations(engine, new Turns(() => Promise.resolve()));
    await later.load();
    assert.ok(later.next() > first, "a number is never used twice");
  });
});
