import { EkvError } from "../../core/errors.js";
import type { StoreId } from "../../core/ids.js";
import { backoffs } from "../../core/limits.js";
import type { Clock } from "../../core/ports/clock.js";
import type { Random } from "../../core/ports/random.js";
import { Backoff } from "../../core/retry/backoff.js";
import { type LeaveResponse, LeaveState } from "../../gen/elastickv/v1/master.js";
import { formatNoun } from "../../core/noun-count.js";

/** How often a master that answers is asked. */
const askPauseMs = 500;

/** How a store leaves, if it does. */
export interface LeaveOptions {
  readonly storeId: StoreId;
  /** Asks the master once. Rejects with an EkvError. */
  ask(storeId: StoreId): Promise<LeaveResponse>;
  readonly clock: Clock;
  readonly random: Pick<Random, "fraction">;
  /** See the settings. */
  readonly leaveWaitMs: number;
  readonly leaveUnknownMs: number;
  /** Tells an operator what goes on; each line once. */
  say(line: string): void;
}

/** What became of it: the store may stop in all cases. */
export type LeaveOutcome = "stays" | "left" | "gave-up" | "unknown";

/**
 * Asks the master whether a store that is about to be stopped comes back, until it may stop: at once when it does come
 * back; when it owns nothing any more when it does not. Gives up when that takes too long, or when no master has an answer
 * for too long: the store then stops as it is, and keeps what it has on its disk.
 */
export async function leave(options: LeaveOptions): Promise<LeaveOutcome> {
  const { storeId, clock, leaveWaitMs, leaveUnknownMs } = options;
  const startedMs = clock.nowMs();
  let answeredMs = startedMs;
  let said = "";
  const say = (line: string): void => {
    if (line !== said) options.say(line);
    said = line;
  };
  const backoff = new Backoff(backoffs.leaveQuery, options.random);
  for (;;) {
    let pauseMs = askPauseMs;
    try {
      const { state, partitions, message } = await options.ask(storeId);
      answeredMs = clock.nowMs();
      backoff.succeeded();
      if (state === LeaveState.LEFT) {
        say(`${storeId} owns nothing any more and leaves`);
        return "left";
      }
      if (state !== LeaveState.LEAVING) {
        say(`${storeId} is to come back${message && `: ${message}`}`);
        return "stays";
      }
      say(
        `${storeId} is wanted no more; it still owns ${formatNoun(partitions, "partition")}${message && `: ${message}`}`,
      );
    } catch (error) {
      if (!(error instanceof EkvError)) throw error;
      say(`the master does not say whether ${storeId} is wanted: ${error.message}`);
      if (clock.nowMs() - answeredMs >= leaveUnknownMs) return "unknown";
      pauseMs = backoff.failed();
    }
    if (clock.nowMs() - startedMs >= leaveWaitMs) {
      say(`${storeId} still owned something after ${leaveWaitMs} ms and keeps it on its disk`);
      return "gave-up";
    }
    await new Promise<void>((resolve) => {
      clock.setTimer(pauseMs, resolve);
    });
  }
}
