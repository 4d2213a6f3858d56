import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pauseBehindCalls, pauseWhileUrgent, Turns } from "../../services/core/store/turns.js";
import { HeldClock } from "../support/held-clock.js";

/** Asks for four pieces; returns the numbers of those done, which grows. */
async function begin(turns: Turns): Promise<readonly number[]> {
  const done: number[] = [];
  for (const piece of [1, 2, 3, 4]) {
    void turns.run(() => {
      done.push(piece);
      return Promise.resolve();
    });
  }
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

describe("background work", () => {
  it("goes on with the next turn, and later only where turns take long and there are calls", async () => {
    const clock = new HeldClock();
    let calls = 5;
    const turns = new Turns(pauseBehindCalls(clock, () => calls));
    const done = await begin(turns);
    assert.deepEqual([done, clock.asked], [[1], ["end of turn"]]);
    await clock.goOn(100);
    assert.deepEqual(done, [1, 2], "nobody calls");
    calls += 1;
    await clock.goOn(2);
    assert.deepEqual(done, [1, 2, 3], "the turn was short");
    calls += 1;
    await clock.goOn(4);
    assert.deepEqual([done, clock.asked.at(-1)], [[1, 2, 3], "12 ms"]);
    await clock.goOn(12);
    assert.deepEqual(done, [1, 2, 3, 4]);
  });

  it("that can wait leaves long gaps while something is urgent, and goes on meanwhile", async () => {
    const clock = new HeldClock();
    let urgent = true;
    const turns = new Turns(pauseWhileUrgent(clock, () => urgent, 50));
    const done = await begin(turns);
    assert.deepEqual([done, clock.asked], [[1], ["50 ms"]]);
    await clock.goOn(50);
    assert.deepEqual(done, [1, 2]);
    urgent = false;
    await clock.goOn(50);
    assert.deepEqual([done, clock.asked.length], [[1, 2, 3, 4], 2]);
  });
});
