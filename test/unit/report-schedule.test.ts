import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { ReportSchedule } from "../../services/store/report-schedule.js";
import { HeldClock } from "../support/held-clock.js";

describe("what is to be told to the master", () => {
  let clock: HeldClock;
  let told: number;
  let schedule: ReportSchedule;

  beforeEach(() => {
    clock = new HeldClock();
    told = 0;
    schedule = new ReportSchedule(clock, () => {
      told += 1;
      schedule.told();
    });
  });

  it("is told together at the end of the turn, and anew in the next", async () => {
    schedule.request("now");
    schedule.request("now");
    assert.deepEqual([told, clock.asked], [0, ["end of turn"]]);
    await clock.goOn(1);
    assert.equal(told, 1);
    schedule.request("now");
    await clock.goOn(1);
    assert.equal(told, 2);
  });

  it("waits for more if it can, once", async () => {
    schedule.request("soon");
    schedule.request("soon");
    assert.deepEqual(clock.asked, ["120 ms"]);
    await clock.goOn(40);
    await clock.goOn(0);
    assert.equal(told, 1);
    schedule.request("soon");
    assert.deepEqual(clock.asked, ["120 ms", "end of turn", "120 ms"]);
  });

  it("goes with what is told before that", async () => {
    schedule.request("soon");
    schedule.request("now");
    schedule.told();
    await clock.goOn(1);
    assert.deepEqual([told, clock.asked], [1, ["120 ms", "end of turn"]]);
    await clock.goOn(40);
    assert.equal(told, 1);
  });
});
