import { type ModelOptions, basicOptions } from "../options.js";
import type { Scenario } from "./scenario.js";
import { Impossible, type Stage } from "./stage.js";

const pair: ModelOptions = { ...basicOptions, armed: true, partitions: 1 };
const leases: ModelOptions = { ...pair, power: false, leases: true };

/** Hand-offs without the master in the pause. Store 0 is the primary; in a pair, store 1 is the successor. */
export const armedScenarios: readonly Scenario[] = [
  {
    name: "a RELEASE that comes again after a NACK",
    rule: "a NACK voids the epoch",
    options: leases,
    play: handOverTwice,
  },
  {
    name: "a released primary that waits no longer",
    rule: "a released primary resumes by a NACK alone",
    options: leases,
    play: resumeByTimer,
  },
  {
    name: "a successor whose predecessor knows nothing",
    rule: "RELEASE is no match",
    options: leases,
    play: assumePredecessor,
  },
  {
    name: "a successor of whom the third replica knows nothing",
    rule: "a successor waits for every match",
    options: { ...leases, factor: 3 },
    play: assumeThird,
  },
  {
    name: "a take-over from a successor",
    rule: "leases of a successor are waited for",
    options: leases,
    play: takeBack,
  },
  {
    name: "a backup that misses the hand-off",
    rule: "no backup is added to an armed entry",
    options: pair,
    play: addBackup,
  },
];

/** Arms the partition, and has its primary send RELEASE, which is not delivered yet. Returns the successor. */
function armAndRelease(stage: Stage): number {
  stage.master.arm(0);
  stage.settle();
  const { successor, epoch } = stage.master.entry(0);
  if (!successor) throw new Impossible("nobody is armed");
  stage.hold("x0", `s${successor.store}`);
  stage.master.send(0, { kind: "transfer-primary", partition: 0, epoch, target: successor.store });
  stage.settle();
  return successor.store;
}

/** The successor drops its predecessor and has the partition for itself; a client that asks the predecessor must not see less. */
function writePast(stage: Stage, primary: number, former: number): void {
  stage.primary(primary).askDrop({ store: former, incarnation: 1 });
  stage.settle();
  stage.call("write", 0, primary);
  stage.call("read", 1, former);
  stage.finish();
}

function handOverTwice(stage: Stage): void {
  stage.renewLeases();
  const successor = armAndRelease(stage);
  for (let n = 0; n < 200; n += 1) stage.world.store(0).turn();
  stage.hold("s0", "m0");
  stage.step("x0", `s${successor}`);
  stage.settle();
  if (!stage.primary(0).isServing) throw new Impossible("the successor has accepted");
  stage.deafen(0);
  stage.step("x0", `s${successor}`);
  stage.settle();
  if (stage.world.store(successor).group(0).primary) writePast(stage, successor, 0);
  else stage.finish();
}

function resumeByTimer(stage: Stage): void {
  stage.renewLeases();
  const successor = armAndRelease(stage);
  stage.deafen(0);
  stage.step("x0", `s${successor}`);
  stage.settle();
  for (let n = 0; n < 100; n += 1) stage.world.store(0).turn();
  writePast(stage, successor, 0);
}

/** The master takes the partition back before anybody but the successor knows of the hand-off. */
function assumePredecessor(stage: Stage): void {
  stage.renewLeases();
  const successor = armAndRelease(stage);
  stage.hold(`s${successor}`, "s0");
  stage.hold(`s${successor}`, "m0");
  stage.step("x0", `s${successor}`);
  stage.settle();
  stage.deafen(successor);
  stage.master.rollBack(0, "scenario");
  stage.settle();
  writePast(stage, 0, successor);
}

/** The third replica takes over blindly. It waits for the leases of those of whose time as primary it knows. */
function assumeThird(stage: Stage): void {
  const { world } = stage;
  stage.renewLeases();
  const successor = armAndRelease(stage);
  const third = 3 - successor;
  for (const store of [0, successor]) stage.hold(`s${store}`, "m0");
  stage.hold(`s${successor}`, `s${third}`);
  stage.step("x0", `s${successor}`);
  stage.settle();
  world.nowMs += 50;
  world.store(successor).requestLeases();
  stage.release(`s${successor}`, `s${third}`);
  stage.stepUntil(`s${successor}`, `s${third}`, "lease-request");
  stage.settle();
  stage.deafen(successor);
  stage.master.failOver(0, "scenario");
  stage.settle();
  if (stage.primaryOnRecord() !== third) throw new Impossible("another takes over");
  stage.primary(third).askDrop({ store: successor, incarnation: 1 });
  stage.settle();
  world.nowMs += 30;
  stage.settle();
  stage.call("write", 0, third);
  stage.call("read", 1, successor);
  stage.finish();
}

function takeBack(stage: Stage): void {
  const successor = armAndRelease(stage);
  stage.release("x0", `s${successor}`);
  stage.settle();
  stage.renewLeases();
  stage.deafen(successor);
  stage.master.failOver(0, "scenario");
  stage.settle();
  if (stage.primaryOnRecord() !== 0) throw new Impossible("the hand-off is not on record");
  writePast(stage, 0, successor);
}

/** READY of a learner arrives once the successor has gone on without the learner. */
function addBackup(stage: Stage): void {
  stage.master.arm(0);
  stage.settle();
  const { epoch, successor } = stage.master.entry(0);
  if (!successor) throw new Impossible("nobody is armed");
  for (const store of [0, successor.store]) stage.hold(`s${store}`, "m0");
  const target = { store: 2, incarnation: 1 };
  stage.master.send(0, { kind: "add-learner", partition: 0, epoch, target });
  stage.settle();
  for (let n = 0; n < 50; n += 1) stage.world.store(0).turn();
  stage.master.send(0, { kind: "transfer-primary", partition: 0, epoch, target: successor.store });
  stage.settle();
  stage.call("write", 0, successor.store);
  stage.hold("s0", "s2");
  stage.step("s0", "m0");
  if (stage.master.entry(0).backups.length > 1) stage.master.failOver(0, "scenario");
  stage.settle();
  stage.release("s0", "s2");
  stage.settle();
  stage.finish();
}
