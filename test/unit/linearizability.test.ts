import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type CallAction,
  type CallOutcome,
  findViolations,
  type HistoryCall,
} from "../support/linearizability.js";

type Times = readonly [beganAt: number, endedAt: number];

const call = (times: Times, action: CallAction, outcome: CallOutcome, key = "k"): HistoryCall => ({
  client: "c",
  key,
  action,
  outcome,
  beganAt: times[0],
  endedAt: times[1],
});
const get = (times: Times, value: string | undefined): HistoryCall =>
  call(times, { kind: "get" }, { kind: "value", value });
const put = (times: Times, value: string): HistoryCall =>
  call(times, { kind: "put", value }, { kind: "written" });
const lost = (beganAt: number, value: string): HistoryCall =>
  call([beganAt, 0], { kind: "put", value }, { kind: "unknown" });
const del = (times: Times, existed?: boolean): HistoryCall =>
  call(times, { kind: "delete" }, { kind: "deleted", existed });
const create = (times: Times, value: string, outcome: "written" | "condition-failed"): HistoryCall =>
  call(times, { kind: "put", value, condition: { kind: "if-absent" } }, { kind: outcome });
const swap = (
  times: Times,
  old: string,
  value: string,
  outcome: "written" | "condition-failed",
): HistoryCall =>
  call(times, { kind: "put", value, condition: { kind: "if-value", value: old } }, { kind: outcome });

/** A write of limited life. */
const short = (times: Times, value: string, earliest: number, latest: number): HistoryCall =>
  call(times, { kind: "put", value, expiry: { earliest, latest } }, { kind: "written" });

const accepted: Readonly<Record<string, HistoryCall[]>> = {
  "nothing at all": [],
  "a value that expires when it may": [short([1, 2], "a", 5, 9), get([3, 4], "a"), get([6, 7], undefined)],
  "a value that expires as late as it may": [
    short([1, 2], "a", 5, 9),
    get([9, 12], "a"),
    get([13, 14], undefined),
  ],
  "a value that is written over before it expires": [
    short([1, 2], "a", 5, 9),
    put([3, 4], "b"),
    get([10, 11], "b"),
  ],
  "a condition refused for an expiry": [
    short([1, 2], "a", 5, Infinity),
    swap([6, 7], "a", "b", "condition-failed"),
    del([8, 9], false),
  ],
  "calls one after the other": [
    put([1, 2], "a"),
    get([3, 4], "a"),
    del([5, 6], true),
    get([7, 8], undefined),
  ],
  "a read beside a write, before it": [put([1, 4], "a"), get([2, 3], undefined)],
  "a read beside a write, after it": [put([1, 4], "a"), get([2, 3], "a")],
  "two writes at once, seen in one order": [
    put([1, 9], "a"),
    put([1, 9], "b"),
    get([2, 3], "b"),
    get([4, 5], "a"),
  ],
  "a write without an answer that happened": [lost(1, "a"), get([5, 6], "a")],
  "a write without an answer that never happened": [lost(1, "a"), get([5, 6], undefined)],
  "a write without an answer that happens late": [lost(1, "a"), get([5, 6], undefined), get([7, 8], "a")],
  "a delete without an answer between two reads": [
    put([1, 2], "a"),
    call([3, 0], { kind: "delete" }, { kind: "unknown" }),
    get([4, 5], "a"),
    get([6, 7], undefined),
  ],
  "one of two creations at once": [create([1, 4], "a", "condition-failed"), create([2, 5], "b", "written")],
  "a swap after what it saw": [put([1, 2], "a"), swap([3, 4], "a", "b", "written"), get([5, 6], "b")],
  "a swap that came too late": [
    put([1, 2], "a"),
    put([3, 4], "b"),
    swap([5, 6], "a", "c", "condition-failed"),
    get([7, 8], "b"),
  ],
  "many open calls on one key": Array.from({ length: 10 }, (_, i) => put([1, 50 + i], `v${i}`)),
};

const rejected: Readonly<Record<string, { readonly history: HistoryCall[]; readonly at: number }>> = {
  "a value that expires too early": {
    history: [short([1, 2], "a", 5, 9), get([3, 4], undefined)],
    at: 1,
  },
  "a value that expires too late": { history: [short([1, 2], "a", 5, 9), get([10, 11], "a")], at: 1 },
  "an expired value that comes to life again": {
    history: [short([1, 2], "a", 5, Infinity), get([6, 7], undefined), get([8, 9], "a")],
    at: 2,
  },
  "an expired value that comes to life again after a condition was refused": {
    history: [short([1, 2], "a", 5, Infinity), swap([6, 7], "a", "b", "condition-failed"), del([8, 9], true)],
    at: 2,
  },
  "an acknowledged write that is gone": { history: [put([1, 2], "a"), get([3, 4], undefined)], at: 1 },
  "a stale read": { history: [put([1, 2], "a"), put([3, 4], "b"), get([5, 6], "a")], at: 2 },
  "a value from nowhere": { history: [get([1, 2], "a")], at: 0 },
  "a value from the future": { history: [get([1, 2], "a"), put([3, 4], "a")], at: 0 },
  "two readers who see two orders": {
    history: [put([1, 9], "a"), put([1, 9], "b"), get([2, 3], "a"), get([4, 5], "b"), get([6, 7], "a")],
    at: 4,
  },
  "a write without an answer that happens twice": {
    history: [lost(1, "a"), get([2, 3], "a"), put([4, 5], "b"), get([6, 7], "b"), get([8, 9], "a")],
    at: 4,
  },
  "a write that was undone": {
    history: [put([1, 2], "a"), lost(3, "b"), get([4, 5], "b"), get([6, 7], "a")],
    at: 3,
  },
  "a deleted key that is back": {
    history: [put([1, 2], "a"), del([3, 4], true), get([5, 6], undefined), get([7, 8], "a")],
    at: 3,
  },
  "a delete that did not see what was there": { history: [put([1, 2], "a"), del([3, 4], false)], at: 1 },
  "two creations of one key": {
    history: [create([1, 2], "a", "written"), create([3, 4], "b", "written")],
    at: 1,
  },
  "a creation refused for nothing": { history: [create([1, 2], "a", "condition-failed")], at: 0 },
  "a swap over somebody else's write": {
    history: [put([1, 2], "a"), put([3, 4], "b"), swap([5, 6], "a", "c", "written")],
    at: 2,
  },
  "a swap refused for nothing": {
    history: [put([1, 2], "a"), swap([3, 4], "a", "b", "condition-failed")],
    at: 1,
  },
};

describe("the linearizability checker", () => {
  for (const [name, history] of Object.entries(accepted)) {
    it(`accepts ${name}`, () => assert.deepEqual(findViolations(history), []));
  }
  for (const [name, { history, at }] of Object.entries(rejected)) {
    it(`rejects ${name}`, () => {
      const [violation] = findViolations(history);
      assert.equal(violation?.call, history[at]);
    });
  }

  it("judges each key by itself, and knows what was there at first", () => {
    const history = [
      call([1, 2], { kind: "get" }, { kind: "value", value: "old" }, "a"),
      call([1, 2], { kind: "get" }, { kind: "value", value: "old" }, "b"),
    ];
    const violations = findViolations(history, new Map([["a", "old"]]));
    assert.deepEqual(
      violations.map(({ key, possible }) => ({ key, possible })),
      [{ key: "b", possible: [undefined] }],
    );
  });

  it("accepts every history of a real register, and none in which an acknowledged write vanished", () => {
    const steps = fc.array(
      fc.record({ kind: fc.nat(3), before: fc.nat(9), after: fc.nat(9), answered: fc.boolean() }),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, (drawn) => {
        let value: string | undefined;
        // Each call takes effect at 10, 20, …, and is open for up to two others' moments around it.
        const history = drawn.map(({ kind, before, after, answered }, i): HistoryCall => {
          const times: Times = [10 * i - 2 * before, 10 * i + 2 * after + 1];
          if (kind === 0) return get(times, value);
          if (kind === 1) {
            const existed = value !== undefined;
            value = undefined;
            return del(times, existed);
          }
          value = `v${i}`;
          return kind === 2 && !answered ? lost(times[0], value) : put(times, value);
        });
        const endMs = 10 * drawn.length + 100;
        assert.deepEqual(findViolations([...history, get([endMs, endMs + 1], value)]), []);
        const gone = [...history, put([endMs, endMs + 1], "last"), get([endMs + 2, endMs + 3], undefined)];
        assert.equal(findViolations(gone).length, 1);
      }),
      { numRuns: 300 },
    );
  });

  for (const later of ["a", "b"]) {
    it(`keeps the lost write of ${later} for later when another explains what was deleted`, () => {
      const history = [lost(1, "a"), lost(2, "b"), del([3, 4], true), get([5, 6], later)];
      assert.deepEqual(findViolations(history), []);
      assert.equal(findViolations([...history, del([7, 8], true), del([9, 10], true)]).length, 1);
    });
  }

  it("decides among many writes of unknown outcome", () => {
    const lostOnes = Array.from({ length: 24 }, (_, i) => lost(i, `lost ${i}`));
    const open = Array.from({ length: 6 }, (_, i) => put([30 + i, 50], `put ${i}`));
    const seen = get([60, 61], "lost 7");
    assert.deepEqual(findViolations([...lostOnes, ...open, seen, get([70, 71], "lost 9")]), []);
    const [violation] = findViolations([
      ...lostOnes,
      ...open,
      seen,
      get([62, 63], "lost 9"),
      get([64, 65], "lost 7"),
    ]);
    assert.deepEqual(violation?.call.outcome, { kind: "value", value: "lost 7" });
  });

  it("says the same as a search through every order of a few calls", () => {
    const drawnCall = fc.record({
      kind: fc.constantFrom("get", "put", "delete", "create", "lost", "lost delete"),
      beganAt: fc.nat(8),
      lasts: fc.integer({ min: 1, max: 6 }),
      sees: fc.nat(6),
    });
    fc.assert(
      fc.property(fc.array(drawnCall, { minLength: 1, maxLength: 6 }), (drawn) => {
        const history = drawn.map(({ kind, beganAt, lasts, sees }, i): HistoryCall => {
          const times: Times = [beganAt, beganAt + lasts];
          const value = `v${i}`;
          if (kind === "get") return get(times, sees === 6 ? undefined : `v${sees}`);
          if (kind === "put") return put(times, value);
          if (kind === "create") return create(times, value, sees % 2 === 0 ? "written" : "condition-failed");
          if (kind === "delete") return del(times, sees % 2 === 0);
          if (kind === "lost") return lost(beganAt, value);
          return { ...del(times, true), outcome: { kind: "unknown" } };
        });
        assert.equal(findViolations(history).length === 0, hasOrder(history, undefined));
      }),
      { numRuns: 2000 },
    );
  });
});

/** Whether some order of the calls, each within its time, explains all of them: tried one by one. */
function hasOrder(left: readonly HistoryCall[], value: string | undefined): boolean {
  if (left.every(({ outcome }) => outcome.kind === "unknown")) return true;
  const firstEnd = Math.min(
    ...left.map(({ outcome, endedAt }) => (outcome.kind === "unknown" ? Infinity : endedAt)),
  );
  return left.some((call) => {
    if (call.beganAt > firstEnd) return false;
    const { action, outcome } = call;
    const rest = left.filter((other) => other !== call);
    const unknown = outcome.kind === "unknown";
    if (action.kind === "get")
      return outcome.kind === "value" && outcome.value === value && hasOrder(rest, value);
    if (action.kind === "delete") {
      const fits = unknown || (outcome.kind === "deleted" && outcome.existed === (value !== undefined));
      return fits && hasOrder(rest, undefined);
    }
    const holds = action.condition === undefined || value === undefined;
    if (outcome.kind === "condition-failed") return !holds && hasOrder(rest, value);
    return holds && hasOrder(rest, action.value);
  });
}
