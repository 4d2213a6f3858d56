import { cutPower } from "../faults.js";
import { type ModelOptions, basicOptions } from "../options.js";
import { armedScenarios } from "./armed.js";
import type { Scenario } from "./scenario.js";
import { Disk } from "../world/disk.js";
import type { Stage } from "./stage.js";

const pair = basicOptions;
const leases: ModelOptions = { ...basicOptions, power: false, leases: true };

/** Stores 0 and 1 have partition 0, and 0 is its primary. Each must be harmless as long as the rule is kept, and break a promise in some seed when it is not. */
const plainScenarios: readonly Scenario[] = [
  {
    name: "a repetition that comes after all",
    rule: "the floor outlives the outcomes",
    options: pair,
    play: repeatLate,
  },
  {
    name: "a released primary that is read from",
    rule: "no reads after RELEASE",
    options: leases,
    play: readReleased,
  },
  {
    name: "RELEASE by a primary that waits itself",
    rule: "RELEASE waits for the former leases",
    options: { ...leases, factor: 3, early: true },
    play: releaseEarly,
  },
  {
    name: "READY of a learner that came back empty",
    rule: "READY names the learner's incarnation",
    options: pair,
    play: readyLate,
  },
  {
    name: "a suspect that is valid too soon",
    rule: "valid waits for the match",
    options: pair,
    play: validEarly,
  },
  {
    name: "a learner that is told more than it has",
    rule: "committed is never above the own version",
    options: pair,
    play: commitAhead,
  },
  {
    name: "a backup that acknowledges on its way out",
    rule: "a backup to be dropped is not counted",
    options: pair,
    play: countLeaving,
  },
  {
    name: "a drop of who alone has it on disk",
    rule: "a drop is asked after a flush",
    options: pair,
    play: dropUnflushed,
  },
  {
    name: "an election by what was registered",
    rule: "an election asks afresh",
    options: pair,
    play: electByOldReports,
  },
  {
    name: "an election that drops the other one",
    rule: "an election keeps all members",
    options: pair,
    play: electAlone,
  },
];

/** All of them. */
export const scenarios: readonly Scenario[] = [...plainScenarios, ...armedScenarios];

/** A repetition of a call is under way for so long that the outcome was forgotten and the partition has moved. */
function repeatLate(stage: Stage): void {
  const { clients } = stage.world;
  stage.hold("c0", "s1");
  const call = stage.call("write", 0, 1);
  clients.send(call, 0);
  stage.settle();
  stage.call("write", 0, 0);
  stage.master.send(0, { kind: "transfer-primary", partition: 0, epoch: 1, target: 1 });
  stage.settle();
  stage.release("c0", "s1");
  stage.settle();
  stage.finish();
}

/** The former primary has released the partition and hears of nothing more; its leases go on. */
function readReleased(stage: Stage): void {
  stage.renewLeases();
  stage.master.send(0, { kind: "transfer-primary", partition: 0, epoch: 1, target: 1 });
  stage.step("m0", "s0");
  for (let n = 0; n < 3; n += 1) stage.step("m0", "s0");
  stage.deafen(0);
  stage.settle();
  stage.primary(1).askDrop({ store: 0, incarnation: 1 });
  stage.settle();
  stage.call("write", 0, 1);
  stage.call("read", 1, 0);
  stage.finish();
}

/** A primary that serves early releases the partition before the leases of its own predecessor are out. */
function releaseEarly(stage: Stage): void {
  stage.renewLeases();
  stage.deafen(0);
  stage.master.failOver(0, "scenario");
  stage.settle();
  const second = stage.primaryOnRecord();
  stage.primary(second).askDrop({ store: 0, incarnation: 1 });
  stage.settle();
  const { epoch, backups } = stage.master.entry(0);
  const third = backups[0]?.store ?? 0;
  stage.master.send(second, { kind: "transfer-primary", partition: 0, epoch, target: third });
  stage.settle();
  stage.call("write", 0, third);
  stage.call("read", 1, 0);
  stage.finish();
}

/** READY arrives once the learner has lost everything and was registered again. */
function readyLate(stage: Stage): void {
  const { world } = stage;
  stage.call("write", 0, 0);
  stage.hold("s0", "m0");
  const target = { store: 2, incarnation: 1 };
  stage.master.send(0, { kind: "add-learner", partition: 0, epoch: 1, target });
  stage.settle();
  stage.hold("s0", "s2");
  world.restart(2, new Disk(world.store(2).disk.before(9)), false);
  stage.settle();
  stage.release("s0", "m0");
  stage.settle();
  stage.master.failOver(0, "scenario");
  stage.settle();
  stage.finish();
}

/** A backup lost power. It has said what it has, and the sync is under way. */
function validEarly(stage: Stage): void {
  const { world } = stage;
  stage.call("write", 0, 0);
  stage.hold("s0", "s1");
  world.restart(1, new Disk(world.store(1).disk.before(9)), false);
  stage.settle();
  stage.primary(0).hello(1);
  stage.step("s0", "s1");
  stage.settle();
  stage.master.failOver(0, "scenario");
  stage.settle();
  stage.finish();
}

/** The stream to a learner ends amid writes that were committed long ago. */
function commitAhead(stage: Stage): void {
  stage.hold("s2", "s0");
  const target = { store: 2, incarnation: 1 };
  stage.master.send(0, { kind: "add-learner", partition: 0, epoch: 1, target });
  stage.settle();
  stage.step("s2", "s0");
  stage.settle();
  for (const key of ["p0k0", "p0k1", "p0k2"]) stage.call("write", 0, 0, key);
  stage.hold("s0", "s2");
  stage.step("s2", "s0");
  stage.step("s0", "s2");
  stage.world.network.cut((from, to) => from === "s0" && to === "s2");
  stage.release("s2", "s0");
  stage.release("s0", "s2");
  stage.primary(0).hello(2);
  stage.settle();
  stage.finish();
}

/** The primary writes between its flush and the drop, and loses power after it. */
function countLeaving(stage: Stage): void {
  stage.hold("s0", "m0");
  stage.primary(0).askDrop({ store: 1, incarnation: 1 });
  stage.call("write", 0, 0);
  stage.release("s0", "m0");
  stage.settle();
  cutPower(stage.world, 0);
  stage.settle();
  stage.finish();
}

/** The primary has a write in memory alone when the backup that has it too is dropped. */
function dropUnflushed(stage: Stage): void {
  stage.call("write", 0, 0);
  stage.primary(0).askDrop({ store: 1, incarnation: 1 });
  stage.settle();
  cutPower(stage.world, 0);
  stage.settle();
  stage.finish();
}

/** A suspect has more than when it registered: it went on acknowledging. */
function electByOldReports(stage: Stage): void {
  const { world } = stage;
  stage.call("write", 0, 0);
  stage.hold("s0", "m0");
  world.restart(1, world.store(1).disk, false);
  stage.settle();
  stage.primary(0).hello(1);
  stage.settle();
  stage.call("write", 0, 0);
  world.restart(0, new Disk(world.store(0).disk.before(1)), false);
  stage.release("s0", "m0");
  stage.settle();
  stage.finish();
}

/** Both were killed; the one that is elected loses power before anything is flushed. */
function electAlone(stage: Stage): void {
  const { world } = stage;
  stage.call("write", 0, 0);
  for (const id of [0, 1]) world.restart(id, world.store(id).disk, false);
  stage.settle();
  stage.master.failOver(0, "scenario");
  stage.settle();
  cutPower(world, stage.primaryOnRecord());
  stage.settle();
  stage.finish();
}
