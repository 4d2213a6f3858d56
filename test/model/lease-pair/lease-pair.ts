import { SeededRandom } from "../../simulation/world/random.js";
import type { Rules } from "../rules.js";
import type { RunResult } from "../run.js";
import { Leases } from "../store/leases.js";
import { DriftingClock } from "../world/clock.js";
import { Observations, Violation } from "../world/observations.js";
import { Timeline } from "./timeline.js";

const leaseMs = 1000;

/** The store whose partition is given away, and the one that gets it. */
const former = 0;
const successor = 1;

/** The moment at which anybody who has not heard of it goes on as before, and what follows on it; true time in ms. */
interface TakeOver {
  readonly at: number;
  /** The successor hears that it is primary, with the former one as its backup. */
  readonly heardBySuccessorAt: number;
  /** The successor hears that the former primary is dropped: nobody is left to match. */
  readonly droppedAt: number;
  /** The former primary hears of either, very late. */
  readonly heardByFormerAt: number;
  /** The successor's process is killed before, and starts again. */
  readonly restartAt: number;
}

/**
 * Leases alone, in fine time: a store leads two partitions that another backs up. One of the two is taken over by the other store, which
 * then drops the first; that one hears of neither for long, and renews its lease for the other partition all the while. Nobody may
 * answer reads of the partition while another may write it.
 */
class LeasePair {
  readonly #random: SeededRandom;
  readonly #timeline = new Timeline();
  readonly #rules: Rules;
  readonly #observations: Observations;
  readonly #clocks: readonly [DriftingClock, DriftingClock];
  readonly #used: Leases;
  readonly #plan: TakeOver;
  #granted: Leases;
  #isTaken = false;
  #serves = false;
  #hasHeard = false;
  /** By the successor's clock. */
  #waitUntil = Infinity;

  constructor(seed: number, rules: Rules, observations: Observations) {
    this.#random = new SeededRandom(seed);
    this.#rules = rules;
    this.#observations = observations;
    const now = (): number => this.#timeline.nowMs;
    this.#clocks = [new DriftingClock(now, this.#random, true), new DriftingClock(now, this.#random, true)];
    this.#used = new Leases(this.#clocks[former], rules, leaseMs, false);
    this.#granted = new Leases(this.#clocks[successor], rules, leaseMs, false);
    this.#plan = this.#draw();
  }

  run(): void {
    const { heardBySuccessorAt, droppedAt, heardByFormerAt, restartAt } = this.#plan;
    this.#timeline.at(this.#random.between(0, 150), () => this.#request());
    if (restartAt >= 0) this.#timeline.at(restartAt, () => this.#restart());
    this.#timeline.at(heardBySuccessorAt, () => this.#takeOver());
    this.#timeline.at(droppedAt, () => this.#drop());
    this.#timeline.at(heardByFormerAt, () => (this.#hasHeard = true));
    this.#look();
    this.#timeline.runUntil(heardByFormerAt);
  }

  #draw(): TakeOver {
    const random = this.#random;
    const at = random.between(1000, 4000);
    const heardBySuccessorAt = at + random.between(0, 300);
    return {
      at,
      heardBySuccessorAt,
      droppedAt: heardBySuccessorAt + random.between(1, 500),
      heardByFormerAt: at + random.between(0, 6000),
      restartAt: random.chance(0.5) ? at - random.between(0, 800) : -1,
    };
  }

  /** Mostly a few milliseconds, now and then most of a lease. */
  #delay(): number {
    return this.#random.between(0.2, this.#random.chance(0.1) ? 900 : 5);
  }

  #request(): void {
    const sentAt = this.#clocks[former].now();
    const topologyVersion = this.#hasHeard ? 3 : 1;
    this.#timeline.after(this.#delay(), () => {
      if (!this.#granted.grant(former, topologyVersion)) return;
      this.#timeline.after(this.#delay(), () => this.#used.take(successor, sentAt));
    });
    this.#timeline.after(this.#random.between(100, 200), () => this.#request());
  }

  #restart(): void {
    this.#observations.count("kills");
    this.#granted = new Leases(this.#clocks[successor], this.#rules, leaseMs, true);
  }

  #takeOver(): void {
    this.#observations.count("failovers");
    this.#isTaken = true;
    this.#granted.require(former, 2);
    const waits = this.#rules.keep("a take-over waits for the former leases");
    const formers = new Map([[former, this.#granted.grantedTo(former)]]);
    this.#waitUntil = waits ? this.#granted.waitFor(formers) : -Infinity;
  }

  #drop(): void {
    this.#observations.count("drops");
    this.#granted.require(former, 3);
    if (!this.#rules.keep("a drop keeps the wait for leases")) this.#waitUntil = -Infinity;
    this.#serves = this.#isTaken;
  }

  /** Every few milliseconds; between two looks a lease only ends. */
  #look(): void {
    const mayWrite = this.#serves && this.#clocks[successor].now() >= this.#waitUntil;
    if (mayWrite && !this.#hasHeard && this.#used.holds(successor)) {
      const since = (this.#timeline.nowMs - this.#plan.at).toFixed(0);
      throw new Violation(`two stores serve a partition, ${since} ms after it was taken over`);
    }
    this.#timeline.after(3, () => this.#look());
  }
}

/** One take-over of a partition under leases that go on for another. */
export function runLeasePair(seed: number, rules: Rules): RunResult {
  const observations = new Observations(false);
  try {
    new LeasePair(seed, rules, observations).run();
    return { seed, violation: undefined, figures: observations.figures, trace: [] };
  } catch (violation) {
    if (!(violation instanceof Violation)) throw violation;
    return { seed, violation, figures: observations.figures, trace: [] };
  }
}
