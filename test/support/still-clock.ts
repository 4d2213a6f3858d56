import type { Clock } from "../../services/core/ports/clock.js";

/** No time passes, and nothing happens in the background: a test must not depend on the machine's time. */
export const stillClock: Clock = {
  nowMs: () => 0,
  wallMs: () => 0,
  setTimer: () => ({ cancel: () => undefined }),
  endOfTurn: () => undefined,
};
