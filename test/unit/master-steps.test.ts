import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  brandAs,
  type Epoch,
  type Generation,
  type Incarnation,
  type MoveId,
  type PartitionId,
} from "../../services/core/ids.js";
import { revertEntry } from "../../services/core/master/operations/replica-set.js";
import type { Step, StepReport, Validity } from "../../services/core/master/operations/steps/step.js";
import { composeMove, rulesOf } from "../../services/core/master/operations/steps/steps.js";
import type { StoreRegistration } from "../../services/core/master/state/records.js";
import type { PartitionEntry, Replica } from "../../services/core/topology.js";
import { describeDirective, describeEntry } from "../support/describe.js";
import { id } from "../support/master-bench.js";

function replica(storeId: string, incarnation = 1): Replica {
  return { storeId: id(storeId), incarnation: brandAs<Incarnation>(incarnation) };
}

const [a, b, c, d] = [replica("a"), replica("b"), replica("c"), replica("d")];
const moveId = brandAs<MoveId>("move-1");
const generation = brandAs<Generation>(9);

function entryOf(primary: Replica, ...backups: Replica[]): PartitionEntry {
  const partition = brandAs<PartitionId>(0);
  return { partition, epoch: brandAs<Epoch>(4), primary, backups, learners: [], halted: false };
}

const three = entryOf(a, b, c);
const withLearner: PartitionEntry = { ...three, learners: [{ replica: d, moveId }] };
const ready: StepReport = { kind: "ready", keys: 1, bytes: 1 };
const released: StepReport = { kind: "released", generation };

function next(step: Step, entry: PartitionEntry): string {
  return describeEntry(rulesOf(step).nextEntry(step, entry, moveId));
}

function isDone(step: Step, entry: PartitionEntry, report?: StepReport): boolean {
  return rulesOf(step).isDone(step, entry, report);
}

/** All stores run, but those that `changes` names. */
function lookup(changes: Readonly<Record<string, Partial<StoreRegistration> | undefined>> = {}) {
  return (storeId: string): StoreRegistration | undefined => {
    if (storeId in changes && changes[storeId] === undefined) return undefined;
    const incarnation = brandAs<Incarnation>(1);
    const address = `${storeId}:1`;
    return { incarnation, processId: "p", hasIdentity: true, address, alive: true, ...changes[storeId] };
  };
}

function validity(step: Step, entry: PartitionEntry, registrationOf = lookup()): Validity {
  return rulesOf(step).decideValidity(step, entry, registrationOf);
}

function order(step: Step, entry: PartitionEntry): string {
  const given = rulesOf(step).decideOrder(step, { moveId, entry, registrationOf: lookup() });
  return given ? `${given.storeId}: ${describeDirective(given.directive)}` : "none";
}

describe("the steps of a move, beside other backups", () => {
  it("AddLearner: the target copies from the primary until READY, at the same epoch", () => {
    const step: Step = { kind: "add-learner", copier: a, target: d };
    assert.equal(next(step, three), "p0@4=a#1 +b#1 +c#1 ?d#1");
    assert.equal(next(step, withLearner), "p0@4=a#1 +b#1 +c#1 ?d#1", "once");
    assert.equal(order(step, withLearner), "a: start-copy move-1 p0@4 to d#1");
    assert.equal(isDone(step, withLearner), false);
    assert.equal(isDone(step, withLearner, { kind: "copying", keys: 1, bytes: 1 }), false);
    assert.equal(isDone(step, withLearner, released), false);
    assert.equal(isDone(step, withLearner, ready), true);
  });

  it("AddLearner is invalid when the copier does not lead, or a store is not what it was", () => {
    const step: Step = { kind: "add-learner", copier: a, target: d };
    assert.equal(validity(step, three), "valid");
    const cannot = "so a cannot give it away";
    assert.deepEqual(validity(step, entryOf(b, a)), { reason: `partition 0 belongs to b, ${cannot}` });
    assert.deepEqual(validity(step, { ...three, halted: true }), {
      reason: `partition 0 is halted, ${cannot}`,
    });
    assert.deepEqual(validity(step, entryOf(a, d)), { reason: "d is a replica of partition 0 already" });
    assert.deepEqual(validity(step, three, lookup({ a: { alive: false } })), { reason: "a is down" });
    assert.deepEqual(validity(step, three, lookup({ d: { alive: false } })), { reason: "d is down" });
    const incarnation = brandAs<Incarnation>(2);
    assert.deepEqual(validity(step, three, lookup({ a: { incarnation } })), { reason: "a was restarted" });
    assert.deepEqual(validity(step, three, lookup({ d: undefined })), { reason: "d was restarted" });
  });

  it("PromoteLearner: the learner is a backup beside the others, and no store works for it", () => {
    const step: Step = { kind: "promote-learner", target: d };
    assert.equal(next(step, withLearner), "p0@5=a#1 +b#1 +c#1 +d#1");
    assert.equal(next(step, entryOf(a, b, d)), "p0@4=a#1 +b#1 +d#1", "once");
    assert.equal(isDone(step, withLearner), false);
    assert.equal(isDone(step, entryOf(a, b, d)), true);
    assert.equal(order(step, withLearner), "none");
    assert.equal(validity(step, withLearner), "valid");
    assert.deepEqual(validity(step, three), { reason: "d is no learner of partition 0" });
  });

  it("TransferPrimary: the target leads after RELEASED; the former primary stays, unless it leaves", () => {
    const step: Step = { kind: "transfer-primary", copier: a, target: b, leaves: false };
    assert.equal(next(step, three), "p0@5=b#1 +c#1 +a#1");
    assert.equal(next({ ...step, leaves: true }, three), "p0@5=b#1 +c#1");
    assert.equal(next(step, entryOf(b, a)), "p0@4=b#1 +a#1", "once");
    assert.equal(isDone(step, three), false);
    assert.equal(isDone(step, three, ready), false);
    assert.equal(isDone(step, three, released), true);
    assert.equal(order(step, three), "a: transfer-leadership move-1 p0@4");
  });

  it("TransferPrimary waits for a primary that is down: it may have released the partition", () => {
    const step: Step = { kind: "transfer-primary", copier: a, target: b, leaves: true };
    const incarnation = brandAs<Incarnation>(2);
    assert.equal(validity(step, three), "valid");
    assert.equal(validity(step, three, lookup({ a: { alive: false }, b: { alive: false } })), "unknown");
    assert.deepEqual(validity(step, three, lookup({ a: { incarnation } })), { reason: "a was restarted" });
    assert.deepEqual(validity(step, three, lookup({ b: { alive: false } })), { reason: "b is down" });
    assert.deepEqual(validity(step, entryOf(a, c)), { reason: "b is no backup of partition 0" });
  });

  it("RemoveReplica: a member is one no more, and deletes the copy that it released", () => {
    const step: Step = { kind: "remove-replica", storeId: id("b"), generation };
    assert.equal(next(step, three), "p0@5=a#1 +c#1");
    assert.equal(next(step, entryOf(a, c)), "p0@4=a#1 +c#1", "once");
    assert.equal(next(step, entryOf(b, c)), "p0@4=b#1 +c#1", "a primary has to hand over first");
    assert.equal(order(step, three), "none", "a member keeps its copy");
    assert.equal(order(step, entryOf(a, c)), "b: delete-replica move-1 p0@4");
    const deleted = (other: number): StepReport => ({ kind: "deleted", generation: brandAs(other) });
    assert.equal(isDone(step, entryOf(a, c)), false);
    assert.equal(isDone(step, entryOf(a, c), deleted(8)), false, "another copy");
    assert.equal(isDone(step, entryOf(a, c), deleted(9)), true);
    assert.equal(validity(step, three), "valid");
    assert.deepEqual(validity(step, entryOf(b)), { reason: "b is the primary of partition 0" });
  });

  it("RemoveReplica leaves a copy that nobody named to be deleted as an orphan", () => {
    const step: Step = { kind: "remove-replica", storeId: id("b"), generation: undefined };
    assert.equal(isDone(step, three), false);
    assert.equal(isDone(step, entryOf(a, c)), true);
    assert.equal(order(step, entryOf(a, c)), "none");
  });
});

describe("what is composed of steps", () => {
  /** Each step's entry, from one to the next. */
  function play(entry: PartitionEntry, steps: readonly Step[]): string[] {
    let now = entry;
    return steps.map((step) => {
      now = rulesOf(step).nextEntry(step, now, moveId);
      return `${step.kind}: ${describeEntry(now)}`;
    });
  }

  it("a move of the primary", () => {
    const steps = composeMove({ leads: true, leavingId: a.storeId }, a, d, generation);
    assert.deepEqual(play(three, steps), [
      "add-learner: p0@4=a#1 +b#1 +c#1 ?d#1",
      "promote-learner: p0@5=a#1 +b#1 +c#1 +d#1",
      "transfer-primary: p0@6=d#1 +b#1 +c#1",
      "remove-replica: p0@6=d#1 +b#1 +c#1",
    ]);
  });

  it("a move of a backup", () => {
    assert.deepEqual(play(three, composeMove({ leads: false, leavingId: b.storeId }, a, d)), [
      "add-learner: p0@4=a#1 +b#1 +c#1 ?d#1",
      "promote-learner: p0@5=a#1 +b#1 +c#1 +d#1",
      "remove-replica: p0@6=a#1 +c#1 +d#1",
    ]);
  });

  it("a repair", () => {
    assert.deepEqual(play(entryOf(a, c), composeMove({ leads: false, leavingId: undefined }, a, d)), [
      "add-learner: p0@4=a#1 +c#1 ?d#1",
      "promote-learner: p0@5=a#1 +c#1 +d#1",
    ]);
  });

  it("taking a move back, before the hand-over and after it", () => {
    assert.equal(describeEntry(revertEntry(withLearner, a, d.storeId)), "p0@5=a#1 +b#1 +c#1");
    assert.equal(describeEntry(revertEntry(entryOf(a, b, d), a, d.storeId)), "p0@5=a#1 +b#1");
    assert.equal(describeEntry(revertEntry(entryOf(d, b, c), a, d.storeId)), "p0@5=a#1 +b#1 +c#1");
    assert.equal(describeEntry(revertEntry(entryOf(d, b, a), a, d.storeId)), "p0@5=a#1 +b#1");
  });
});
