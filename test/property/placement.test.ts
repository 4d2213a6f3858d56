import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { StoreId } from "../../services/core/ids.js";
import { planBalanced } from "../../services/core/placement/balanced.js";
import { arcsOf } from "../../services/core/placement/arcs.js";
import { planContiguous } from "../../services/core/placement/contiguous.js";
import { planEvenRanges } from "../../services/core/placement/even-ranges.js";
import type { PlacementInput, PlacementPlan, PlacementStore } from "../../services/core/placement/policy.js";

const store = (index: number, more: Partial<PlacementStore> = {}): PlacementStore => ({
  storeId: `s${index}` as StoreId,
  weight: 1,
  state: "active",
  keys: 0,
  ...more,
});

function apply({ owners }: PlacementInput, plan: PlacementPlan): (StoreId | undefined)[] {
  const next = owners.slice();
  for (const { partition, target } of plan.assignments) {
    assert.equal(next[partition], undefined);
    next[partition] = target;
  }
  for (const { partition, source, target } of plan.moves) {
    assert.equal(next[partition], source);
    assert.notEqual(source, target);
    next[partition] = target;
  }
  return next;
}

function countsOf(owners: readonly (StoreId | undefined)[]): Map<StoreId, number> {
  const counts = new Map<StoreId, number>();
  for (const owner of owners) if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return counts;
}

const inputs = fc
  .record({
    bits: fc.integer({ min: 3, max: 8 }),
    states: fc.array(fc.constantFrom("active" as const, "draining" as const), { minLength: 1, maxLength: 9 }),
    picks: fc.array(fc.nat(), { minLength: 256, maxLength: 256 }),
    weights: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 9, maxLength: 9 }),
  })
  .map(({ bits, states, picks, weights }): PlacementInput => {
    const stores = states.map((state, index) => store(index, { state, weight: weights[index] ?? 1 }));
    const owners = picks.slice(0, 2 ** bits).map((pick) => {
      const at = pick % (stores.length + 1);
      return stores[at]?.storeId;
    });
    return { owners, stores };
  });

describe("balanced placement", () => {
  it("ends with every active store within one partition of its share, draining ones with none, in the fewest moves", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const plan = planBalanced(input);
        const active = input.stores.filter(({ state }) => state === "active");
        if (active.length === 0) return assert.deepEqual(plan.moves, []);
        const before = countsOf(input.owners);
        const next = apply(input, plan);
        const counts = countsOf(next);
        const weights = active.reduce((sum, { weight }) => sum + weight, 0);
        let surplus = 0;
        for (const { storeId, weight, state } of input.stores) {
          const share = state === "active" ? (input.owners.length * weight) / weights : 0;
          assert.ok(Math.abs((counts.get(storeId) ?? 0) - share) < 1, `${storeId} is off its share ${share}`);
          surplus += Math.max(0, (before.get(storeId) ?? 0) - (counts.get(storeId) ?? 0));
        }
        assert.ok(next.every((owner) => owner !== undefined));
        assert.equal(plan.moves.length, surplus, "only what a store has too much moves");
      }),
    );
  });

  it("gives the same plan for the same input", () => {
    fc.assert(fc.property(inputs, (input) => assert.deepEqual(planBalanced(input), planBalanced(input))));
  });

  it("has nothing to do for a balanced cluster", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const owners = apply(input, planBalanced(input));
        assert.deepEqual(planBalanced({ ...input, owners }).moves, []);
      }),
    );
  });

  it("plans 1000 stores and 65 536 partitions", () => {
    const stores = Array.from({ length: 1000 }, (_, index) => store(index));
    const owners = Array.from({ length: 65_536 }, (_, index) => stores[index % 999]?.storeId);
    assert.equal(planBalanced({ owners, stores }).moves.length, 65);
  });
});

describe("contiguous placement", () => {
  it("gives each store one range through any row of adds and removes", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 11 }), { minLength: 1, maxLength: 12 }), (row) => {
        let owners: (StoreId | undefined)[] = Array.from({ length: 64 }, () => undefined);
        let stores = [store(100)];
        owners = apply({ owners, stores }, planContiguous({ owners, stores }));
        for (const index of row) {
          const storeId = `s${index}` as StoreId;
          const known = stores.some((one) => one.storeId === storeId);
          const next = known
            ? stores.map((one) => (one.storeId === storeId ? { ...one, state: "draining" as const } : one))
            : [...stores, store(index)];
          owners = apply({ owners, stores: next }, planContiguous({ owners, stores: next }));
          stores = next.filter(({ state }) => state === "active");
          const borders = owners.filter((owner, at) => owner !== owners[(at + 1) % owners.length]).length;
          assert.ok(borders <= stores.length, `${borders} ranges for ${stores.length} stores`);
          assert.deepEqual(new Set(owners), new Set(stores.map((one) => one.storeId)));
        }
      }),
    );
  });

  it("gives a leaving store's range to the neighbour with fewer keys", () => {
    const [a, b, c] = [store(0, { keys: 9 }), store(1, { state: "draining" }), store(2, { keys: 5 })];
    const owners = [a.storeId, a.storeId, b.storeId, c.storeId];
    const plan = planContiguous({ owners, stores: [a, b, c] });
    assert.deepEqual(plan.moves, [{ partition: 2, source: b.storeId, target: c.storeId }]);
  });

  it("splits the largest range for a new store", () => {
    const [a, b, c] = [store(0), store(1), store(2)];
    const owners = [a, a, a, a, a, a, b, b].map(({ storeId }) => storeId);
    const plan = planContiguous({ owners, stores: [a, b, c] });
    assert.deepEqual(
      plan.moves.map(({ partition, target }) => [partition, target]),
      [3, 4, 5].map((partition) => [partition, c.storeId]),
    );
  });
});

/** Rings where each store has one range, of any length, from any partition on: what the contiguous policy leaves. */
const rings = fc
  .record({
    lengths: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 }),
    turn: fc.nat(71),
    weights: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 6, maxLength: 6 }),
  })
  .map(({ lengths, turn, weights }): PlacementInput => {
    const stores = lengths.map((_, index) => store(index, { weight: weights[index] ?? 1 }));
    const straight = lengths.flatMap((length, index) => Array.from({ length }, () => store(index).storeId));
    const at = turn % straight.length;
    return { owners: [...straight.slice(at), ...straight.slice(0, at)], stores };
  });

/** The stores around the ring, from where their ranges begin, the least name first. */
function orderOf(owners: readonly (StoreId | undefined)[]): StoreId[] {
  const names = arcsOf(owners).map(({ storeId }) => storeId);
  const least = names.indexOf([...names].sort()[0] as StoreId);
  return [...names.slice(least), ...names.slice(0, least)];
}

describe("even ranges", () => {
  it("evens out three stores of 50, 25 and 25 percent with as few moves as any policy", () => {
    const [a, b, c] = [store(0), store(1), store(2)];
    const owners = Array.from({ length: 1024 }, (_, at) => (at < 512 ? a : at < 768 ? b : c).storeId);
    const plan = planEvenRanges({ owners, stores: [a, b, c] });
    assert.equal(plan.moves.length, 170);
    assert.equal(plan.movesMinimum, 170);
    assert.deepEqual(
      [...countsOf(apply({ owners, stores: [a, b, c] }, plan)).values()].sort(),
      [341, 341, 342],
    );
  });

  it("gives every active store one range of its share within one partition, draining ones none", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const active = input.stores.filter(({ state }) => state === "active");
        const plan = planEvenRanges(input);
        if (active.length === 0) return assert.deepEqual(plan.moves, []);
        const next = apply(input, plan);
        const counts = countsOf(next);
        const weights = active.reduce((sum, { weight }) => sum + weight, 0);
        for (const { storeId, weight, state } of input.stores) {
          const share = state === "active" ? (input.owners.length * weight) / weights : 0;
          assert.ok(Math.abs((counts.get(storeId) ?? 0) - share) < 1, `${storeId} is off its share ${share}`);
        }
        assert.ok(next.every((owner) => owner !== undefined));
        assert.equal(arcsOf(next).length, counts.size, "one range each");
        assert.deepEqual(planEvenRanges({ ...input, owners: next }).moves, [], "then nothing is left to do");
      }),
    );
  });

  it("leaves stores between their neighbours, and moves no more than any other turn of the ring", () => {
    fc.assert(
      fc.property(rings, (input) => {
        const next = apply(input, planEvenRanges(input));
        const counts = countsOf(next);
        if (counts.size === input.stores.length) assert.deepEqual(orderOf(next), orderOf(input.owners));
        const moved = (layout: readonly (StoreId | undefined)[]): number =>
          layout.filter((owner, at) => owner !== input.owners[at]).length;
        for (let turn = 0; turn < next.length; turn += 1) {
          const turned = [...next.slice(turn), ...next.slice(0, turn)];
          assert.ok(moved(next) <= moved(turned), `turned by ${turn} fewer would move`);
        }
      }),
    );
  });

  it("plans 1000 stores and 65 536 partitions", () => {
    const stores = Array.from({ length: 1000 }, (_, index) => store(index));
    const owners = Array.from(
      { length: 65_536 },
      (_, at) => stores[Math.floor(Math.sqrt(at) * 3.9)]?.storeId,
    );
    const next = apply({ owners, stores }, planEvenRanges({ owners, stores }));
    assert.equal(arcsOf(next).length, 1000);
  });
});
