import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startClosedLoop, startLockstep } from "../../bench/load/closed-loop.js";
import { startOpenLoop } from "../../bench/load/open-loop.js";
import type { CallRecorder } from "../../bench/load/recorder.js";
import type { Session } from "../../bench/peers/session.js";
import { OperationStream } from "../../bench/workload/operation-stream.js";
import { readUpdateMix } from "../../bench/workload/workload.js";
import type { Clock } from "../../services/core/ports/clock.js";

/** A session whose calls end when the test says so. */
class HeldSession implements Session {
  waiting: (() => void)[] = [];
  made = 0;

  get(): Promise<unknown> {
    this.made += 1;
    return new Promise((resolve) => this.waiting.push(() => resolve(undefined)));
  }

  put(): Promise<unknown> {
    return this.get();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Ends every call that is open, and lets what follows from that happen. */
  async release(): Promise<void> {
    const { waiting } = this;
    this.waiting = [];
    for (const end of waiting) end();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

class Latencies implements CallRecorder {
  readonly ms: number[] = [];
  readonly failures: unknown[] = [];

  succeeded(_kind: unknown, latencyMs: number): void {
    this.ms.push(latencyMs);
  }

  failed(error: unknown): void {
    this.failures.push(error);
  }
}

/** Time that the test moves, with one timer. */
class HandClock implements Clock {
  #ms = 0;
  #due: { readonly atMs: number; readonly callback: () => void } | undefined;

  nowMs(): number {
    return this.#ms;
  }

  wallMs(): number {
    return this.#ms;
  }

  setTimer(delayMs: number, callback: () => void): { cancel(): void } {
    this.#due = { atMs: this.#ms + delayMs, callback };
    return { cancel: () => (this.#due = undefined) };
  }

  endOfTurn(callback: () => void): void {
    setImmediate(callback);
  }

  /** Jumps ahead, as a process does that was held up: one timer fires, late. */
  jump(ms: number): void {
    this.#ms += ms;
    const due = this.#due;
    if (!due || due.atMs > this.#ms) return;
    this.#due = undefined;
    due.callback();
  }
}

const stream = (): OperationStream => new OperationStream(readUpdateMix(1, 10, 1), 1);

describe("an open loop", () => {
  it("counts a pause of the peer for every call that was due in it", async () => {
    const [session, recorder, clock] = [new HeldSession(), new Latencies(), new HandClock()];
    const load = startOpenLoop([session], stream(), 1000, recorder, clock);
    for (let i = 0; i < 100; i += 1) clock.jump(1);
    assert.equal(session.made, 101, "the peer's silence holds up no call");
    await session.release();
    assert.equal(Math.max(...recorder.ms), 100);
    assert.equal(recorder.ms.filter((ms) => ms >= 50).length, 51);
    await load.stop();
  });

  it("counts a pause of its own process too, from when the calls were due", async () => {
    const [session, recorder, clock] = [new HeldSession(), new Latencies(), new HandClock()];
    const load = startOpenLoop([session], stream(), 1000, recorder, clock);
    clock.jump(200);
    await session.release();
    assert.equal(recorder.ms.length, 201);
    assert.equal(recorder.ms.filter((ms) => ms >= 100).length, 101);
    await load.stop();
  });
});

describe("a closed loop", () => {
  it("keeps so many calls in flight, over all sessions, and ends with them", async () => {
    const sessions = [new HeldSession(), new HeldSession()];
    const recorder = new Latencies();
    const load = startClosedLoop(sessions, stream(), 5, recorder);
    const open = (): number[] => sessions.map(({ waiting }) => waiting.length);
    assert.deepEqual(open(), [3, 2]);
    await sessions[0]?.release();
    assert.deepEqual(open(), [3, 2]);
    assert.equal(recorder.ms.length, 3);
    const stopped = load.stop();
    for (const session of sessions) await session.release();
    await stopped;
    assert.deepEqual(open(), [0, 0]);
    assert.equal(recorder.ms.length, 8);
  });

  it("counts a call that failed, and goes on", async () => {
    const recorder = new Latencies();
    let calls = 0;
    const failing: Session = {
      get: () => ((calls += 1) <= 3 ? Promise.reject(new Error("no")) : new Promise(() => undefined)),
      put: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    void startClosedLoop([failing], stream(), 1, recorder);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(recorder.failures.length, 3);
    assert.equal(calls, 4);
  });
});

describe("lockstep", () => {
  it("makes the next calls when all of the last have ended", async () => {
    const [session, recorder] = [new HeldSession(), new Latencies()];
    const load = startLockstep(session, stream(), 4, recorder);
    assert.equal(session.made, 4);
    session.waiting.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(session.made, 4);
    await session.release();
    assert.equal(session.made, 8);
    const stopped = load.stop();
    await session.release();
    await stopped;
    assert.equal(recorder.ms.length, 8);
  });
});
