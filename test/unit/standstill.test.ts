import assert from "node:assert/strict";
import { it } from "node:test";
import type { Clock } from "../../services/core/ports/clock.js";
import { limits } from "../../services/core/limits.js";
import { Standstill } from "../../services/runtime/standstill.js";

/** A clock whose time, timers and turns the test moves. */
class SteppedClock implements Clock {
  #nowMs = 1000;
  #timers: { atMs: number; callback: () => void }[] = [];
  #turn: (() => void)[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): { cancel(): void } {
    this.#timers.push({ atMs: this.#nowMs + delayMs, callback });
    return { cancel: () => undefined };
  }

  endOfTurn(callback: () => void): void {
    this.#turn.push(callback);
  }

  /** Time passes without a turn. */
  pass(ms: number): void {
    this.#nowMs += ms;
  }

  runTimers(): void {
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { callback } of due) callback();
  }

  runTurn(): void {
    const turn = this.#turn;
    this.#turn = [];
    for (const callback of turn) callback();
  }
}

function started(): { clock: SteppedClock; standstill: Standstill } {
  const clock = new SteppedClock();
  const standstill = new Standstill(clock);
  standstill.start();
  return { clock, standstill };
}

it("what an idle server reads came now", () => {
  const { clock, standstill } = started();
  for (let i = 0; i < 20; i += 1) {
    clock.pass(limits.standstillLookMs);
    assert.equal(standstill.arrivedMs(), clock.nowMs());
    clock.runTimers();
    clock.runTurn();
  }
});

it("what is read right after a standstill may have come when it began, until the backlog is read", () => {
  for (const timersFirst of [false, true]) {
    const { clock, standstill } = started();
    const stoppedMs = clock.nowMs();
    clock.pass(limits.standstillMsMin + 1);
    if (timersFirst) clock.runTimers();
    assert.equal(standstill.arrivedMs(), stoppedMs);
    clock.runTimers();
    clock.runTurn();
    assert.equal(standstill.arrivedMs(), stoppedMs);
    for (let turn = 0; turn < 5; turn += 1) clock.runTurn();
    assert.equal(standstill.arrivedMs(), clock.nowMs());
  }
});
