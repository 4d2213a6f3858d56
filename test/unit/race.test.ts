import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { limits } from "../../services/core/limits.js";
import { type Attempt, startRace } from "../../services/core/retry/race.js";
import { HeldClock } from "../support/held-clock.js";

describe("a race of candidates", () => {
  let clock: HeldClock;
  let attempts: Map<string, Attempt<string>>;
  let ended: string[];
  let lost: string[];

  beforeEach(() => {
    clock = new HeldClock();
    attempts = new Map();
    ended = [];
    lost = [];
  });

  function start(...candidates: readonly string[]): () => void {
    return startRace<string, string>({
      candidates,
      clock,
      begin: (candidate, attempt) => {
        attempts.set(candidate, attempt);
        return () => void ended.push(candidate);
      },
      lost: (failures) => void (lost = failures.map(({ candidate, reason }) => `${candidate}: ${reason}`)),
    });
  }
  const begun = (): string[] => [...attempts.keys()];

  it("does not wait for a silent candidate before it begins with the next", async () => {
    start("a", "b", "c");
    assert.deepEqual(begun(), ["a"]);
    await clock.goOn(limits.staggerMs);
    assert.deepEqual(begun(), ["a", "b"]);
    attempts.get("b")?.won();
    assert.deepEqual(ended, ["a"]);
    assert.equal(clock.waiting, 0, "nobody else begins");
  });

  it("begins with the next at once when one fails", () => {
    start("a", "b", "c");
    attempts.get("a")?.failed("refused");
    assert.deepEqual(begun(), ["a", "b"]);
    assert.equal(clock.waiting, 1);
  });

  it("lets a slow candidate win, if the faster ones failed", async () => {
    start("a", "b");
    await clock.goOn(limits.staggerMs);
    attempts.get("b")?.failed("refused");
    attempts.get("a")?.won();
    assert.deepEqual([ended, lost], [[], []]);
  });

  it("is lost when all have failed, with the reason of each in their order", async () => {
    start("a", "b");
    await clock.goOn(limits.staggerMs);
    attempts.get("b")?.failed("refused");
    attempts.get("b")?.failed("twice");
    assert.deepEqual(lost, []);
    attempts.get("a")?.failed("silent");
    assert.deepEqual(lost, ["a: silent", "b: refused"]);
    assert.equal(clock.waiting, 0);
  });

  it("goes on when a candidate fails while it begins", () => {
    const tried: string[] = [];
    startRace<string, string>({
      candidates: ["a", "b"],
      clock,
      begin: (candidate, attempt) => {
        tried.push(candidate);
        attempt.failed("no such host");
        return () => assert.fail("it is over");
      },
      lost: () => tried.push("lost"),
    });
    assert.deepEqual([tried, clock.waiting], [["a", "b", "lost"], 0]);
  });

  it("is given up as a whole", async () => {
    const giveUp = start("a", "b", "c");
    await clock.goOn(limits.staggerMs);
    giveUp();
    assert.deepEqual([ended, clock.waiting], [["a", "b"], 0]);
    attempts.get("a")?.failed("late");
    assert.deepEqual(begun(), ["a", "b"]);
  });
});
