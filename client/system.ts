import { randomBytes } from "node:crypto";
import type { Clock } from "../services/core/ports/clock.js";
import type { Random } from "../services/core/ports/random.js";

/** The machine's clock. Unlike a server's, its timers keep the process alive: a caller waits for what they do. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  // Not from performance.timeOrigin: that stays behind when the clock is set or the machine sleeps.
  // oxlint-disable-next-line no-restricted-properties
  wallMs: () => Date.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** The operating system's randomness. */
export const systemRandom: Random = {
  fraction: () => randomBytes(4).readUInt32BE() / 2 ** 32,
  hex: (bytes) => randomBytes(bytes).toString("hex"),
};
