import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import { brandAs, type StoreId } from "../../services/core/ids.js";
import { type LeaveResponse, LeaveState } from "../../services/gen/elastickv/v1/master.js";
import { leave, type LeaveOutcome } from "../../services/store/leave/leave.js";

const storeId = brandAs<StoreId>("store-2");

/** Runs `leave` on a clock whose timers are due at once. */
async function leaving(
  answers: readonly (LeaveState | EkvError)[],
  limits: { leaveWaitMs?: number; leaveUnknownMs?: number } = {},
): Promise<{ outcome: LeaveOutcome; asked: number; lines: string[] }> {
  let nowMs = 0;
  let asked = 0;
  const lines: string[] = [];
  const outcome = await leave({
    storeId,
    ask: () => {
      const answer = answers[Math.min(asked, answers.length - 1)];
      asked += 1;
      if (answer instanceof EkvError) return Promise.reject(answer);
      return Promise.resolve({ state: answer, partitions: 3, message: "" } as LeaveResponse);
    },
    clock: {
      nowMs: () => nowMs,
      wallMs: () => nowMs,
      setTimer: (delayMs, callback) => {
        nowMs += delayMs;
        setImmediate(callback);
        return { cancel: () => undefined };
      },
      endOfTurn: (callback) => void setImmediate(callback),
    },
    random: { fraction: () => 0.5 },
    leaveWaitMs: 60_000,
    leaveUnknownMs: 5_000,
    ...limits,
    say: (line) => lines.push(line),
  });
  return { outcome, asked, lines };
}

const silence = new EkvError("UNAVAILABLE", "no connection");

describe("a store that is about to be stopped", () => {
  it("stops at once when it is to come back", async () => {
    assert.deepEqual(await leaving([LeaveState.STAYS]), {
      outcome: "stays",
      asked: 1,
      lines: ["store-2 is to come back"],
    });
  });

  it("waits until it owns nothing when it is wanted no more, through a master that restarts", async () => {
    const { outcome, asked } = await leaving([
      LeaveState.LEAVING,
      silence,
      silence,
      LeaveState.LEAVING,
      LeaveState.LEFT,
    ]);
    assert.deepEqual([outcome, asked], ["left", 5]);
  });

  it("gives up in time, with its data", async () => {
    const { outcome, lines } = await leaving([LeaveState.LEAVING]);
    assert.equal(outcome, "gave-up");
    assert.match(lines.at(-1) ?? "", /still owned something after 60000 ms and keeps it/);
  });

  it("does not wait for long for a master that says nothing: a restart must not hang on it", async () => {
    const { outcome, asked } = await leaving([silence]);
    assert.deepEqual([outcome, asked], ["unknown", 7]);
  });

  it("stops as it is when a master of an older version knows no such call", async () => {
    const { outcome } = await leaving([new EkvError("FAILED_PRECONDITION", "unimplemented")]);
    assert.equal(outcome, "unknown");
  });
});
