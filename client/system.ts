import { randomBytes } from "node:crypto";
import type { Clock } from "../services/core/ports/clock.js";
import type { Random } from "../services/core/ports/random.js";

/** The machine's clock. Unlike a server's, its timers keep the process alive: someone waits for what they will do. */
export const clientClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** The operating system's randomness. */
export const clientRandom: Random = {
  fraction: () => Math.random(),
  hex: (bytes) => randomBytes(bytes).toString("hex"),
};
