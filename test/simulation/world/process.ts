import type { Clock } from "../../../services/core/ports/clock.js";
import type { Logger, LogFields } from "../../../services/runtime/log.js";
import type { SeededRandom } from "./random.js";
import type { World } from "./world.js";

/** Wall clocks begin here: some day in 2026. */
const epochMs = 1_780_000_000_000;

/** What a process said, newest last. */
export interface LogLine {
  readonly atUs: number;
  readonly text: string;
}

/**
 * One simulated process: everything of the product runs inside `enter`. It may be stopped for a while, as by SIGSTOP, or
 * die at any effect; then nothing that its code still does reaches the world.
 */
export class SimProcess {
  readonly name: string;
  /** The machine it runs on: what faults of networks and power speak of. */
  readonly host: string;
  readonly world: World;
  readonly random: SeededRandom;
  readonly log: Logger;
  readonly clock: Clock;
  #alive = true;
  #paused = false;
  #held: (() => void)[] = [];
  readonly #ends: (() => void)[] = [];
  /** Its clocks run this much faster than the world's. */
  readonly #rate: number;
  readonly #startedUs: number;
  readonly #wallOffsetMs: () => number;
  #crashIn: { effects: number; readonly before: boolean; readonly crash: () => void } | undefined;

  constructor(
    world: World,
    options: {
      readonly name: string;
      readonly host: string;
      readonly rate: number;
      readonly wallOffsetMs: () => number;
      readonly onLine: (line: LogLine) => void;
    },
  ) {
    this.world = world;
    this.name = options.name;
    this.host = options.host;
    this.random = world.random.fork(`${options.name}@${world.nowUs}`);
    this.#rate = options.rate;
    this.#startedUs = world.nowUs;
    this.#wallOffsetMs = options.wallOffsetMs;
    this.log = logOf(this, options.onLine);
    this.clock = {
      nowMs: () => ((world.nowUs - this.#startedUs) * this.#rate) / 1000,
      wallMs: () => epochMs + Math.floor((world.nowUs * this.#rate) / 1000 + this.#wallOffsetMs()),
      setTimer: (delayMs, callback) => ({ cancel: this.#timer(delayMs, callback) }),
      endOfTurn: (callback) => void this.later(0, "turn", callback),
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Runs the process's code: now, when it goes on, or never. */
  enter(run: () => void): void {
    if (!this.#alive) return;
    if (this.#paused) {
      this.#held.push(run);
      return;
    }
    this.world.actor = this.host;
    run();
  }

  /** Runs the process's code some time from now. */
  later(delayUs: number, label: string, run: () => void): () => void {
    return this.world.after(delayUs, `${this.name} ${label}`, () => this.enter(run));
  }

  /** Something that the world will notice; it does not happen in a process that is dead. */
  effect(run: () => void): void {
    if (!this.#alive) return;
    const planned = this.#crashIn;
    if (planned && --planned.effects <= 0) {
      this.#crashIn = undefined;
      if (!planned.before) run();
      planned.crash();
      return;
    }
    run();
  }

  /** Dies at one of its next effects. */
  crashAtEffect(effects: number, before: boolean, crash: () => void): void {
    this.#crashIn = { effects, before, crash };
  }

  pause(): void {
    this.#paused = true;
  }

  /** Goes on: everything that came in or fell due meanwhile happens at once, in its order. */
  resume(): void {
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    for (const run of held) this.later(0, "held", run);
  }

  /** Calls back when the process has ended. */
  onEnd(callback: () => void): void {
    if (this.#alive) this.#ends.push(callback);
    else callback();
  }

  end(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#held = [];
    this.world.note(`${this.name} ended`);
    for (const callback of this.#ends) callback();
  }

  #timer(delayMs: number, callback: () => void): () => void {
    // As Node's: whole milliseconds, at least one, and a little late.
    const wholeMs = Math.min(Math.max(1, Math.floor(delayMs)), 2 ** 31 - 1);
    let cancelled = false;
    const cancel = this.later((wholeMs * 1000) / this.#rate + this.random.below(400), "timer", () => {
      if (!cancelled) callback();
    });
    return () => {
      cancelled = true;
      cancel();
    };
  }
}

function logOf(process: SimProcess, onLine: (line: LogLine) => void): Logger {
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}): void => {
      if (!process.alive) return;
      const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${textOf(value)}`);
      onLine({
        atUs: process.world.nowUs,
        text: `${process.name} ${level}: ${message}${rest.join("")}`,
      });
    };
  const log: Logger = {
    debugEnabled: false,
    error: write("error"),
    warn: write("warn"),
    info: write("info"),
    debug: () => undefined,
    child: () => log,
  };
  return log;
}

function textOf(value: unknown): string {
  if (value instanceof Error) return value.stack ?? value.message;
  return typeof value === "string" ? value : String(JSON.stringify(value));
}
