import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pauseBehindCalls, pauseWhileUrgent, Turns } from "../../services/core/store/turns.js";

/** What a clock was asked for; nothing goes on before it is let. */
class HeldClock {
  readonly asked: string[] = [];
  #ms = 0;
  readonly #held: (() => void)[] = [];

  nowMs(): number {
    return this.#ms;
  }

  endOfTurn(callback: () => void): void {
    this.#hold("end of turn", callback);
  }

  setTimer(ms: number, callback: () => void): { cancel(): void } {
    this.#hold(`${ms} ms`, callback);
    return { cancel: () => undefined };
  }

  /** Lets the oldest go on, so many milliseconds later. */
  async goOn(ms: number): Promise<void> {
    this.#ms += ms;
    this.#held.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  #hold(what: string, callback: () => void): void {
    this.asked.push(what);
    this.#held.push(callback);
  }
}

describe("background work", () => {
  it("goes on with the next turn, and later only where turns take long and there are calls", async () => {
    const clock = new HeldClock();
    let calls = 5;
    const turns = new Turns(pauseBehindCalls(clock, () => calls));
    const done: number[] = [];
    for (const piece of [1, 2, 3, 4]) {
      void turns.run(() => {
        done.push(piece);
        return Promise.resolve();
      });
    }
    await new Promise((resolve) => setImmediate(resolve));
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
    const turns = new Turns(pauseWhileUrgent(clock, () => urgent));
    const done: number[] = [];
    for (const piece of [1, 2, 3, 4]) {
      void turns.run(() => {
        done.push(piece);
        return Promise.resolve();
      });
    }
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([done, clock.asked], [[1], ["50 ms"]]);
    await clock.goOn(50);
    assert.deepEqual(done, [1, 2]);
    urgent = false;
    await clock.goOn(50);
    assert.deepEqual([done, clock.asked.length], [[1, 2, 3, 4], 2]);
  });
});
