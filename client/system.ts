import { randomBytes } from "node:crypto";
import type { Clock } from "../services/core/ports/clock.js";
import type { Random } from "../services/core/ports/random.js";
import type { OpenChannel } from "../services/wire/channel.js";
import { openGrpcChannel } from "../services/wire/grpc-channel.js";
import { type FindRefusal, findRefusal } from "../services/wire/refusal.js";
import { openFastestPipeline, type OpenPipeline } from "./pipeline-stream.js";

/** What a client needs of the world: time, randomness, and the ways to servers. */
export interface System {
  readonly clock: Clock;
  readonly random: Random;
  readonly openChannel: OpenChannel;
  readonly openPipeline: OpenPipeline;
  readonly findRefusal: FindRefusal;
}

/** The machine's clock. Unlike a server's, its timers keep the process alive: a caller waits for what they do. */
const clock: Clock = {
  nowMs: () => performance.now(),
  // Not from performance.timeOrigin: that stays behind when the clock is set or the machine sleeps.
  // oxlint-disable-next-line no-restricted-properties
  wallMs: () => Date.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  endOfTurn: (callback) => void setImmediate(callback),
};

/** The operating system's randomness. */
const random: Random = {
  fraction: () => randomBytes(4).readUInt32BE() / 2 ** 32,
  hex: (bytes) => randomBytes(bytes).toString("hex"),
};

/** The machine that this process runs on. */
export const system: System = {
  clock,
  random,
  openChannel: openGrpcChannel,
  openPipeline: openFastestPipeline,
  findRefusal,
};
