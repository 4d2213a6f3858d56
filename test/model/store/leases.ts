import type { Rules } from "../rules.js";
import { type DriftingClock, driftMax, longAgo } from "../world/clock.js";

/** How much longer a grantor holds a lease than its user does, for two clocks that drift apart. */
const drift = (1 + driftMax) / (1 - driftMax);

/** What a store knows of leases: one for each pair of stores, whatever partitions they share. Times are of its own clock. */
export class Leases {
  readonly #clock: DriftingClock;
  readonly #rules: Rules;
  readonly #leaseMs: number;
  readonly #granted = new Map<number, number>();
  readonly #held = new Map<number, number>();
  readonly #versionsMin = new Map<number, number>();
  /** What a former process may have granted: out at this time at the latest. */
  readonly #startUntil: number;

  constructor(clock: DriftingClock, rules: Rules, leaseMs: number, isRestart: boolean) {
    this.#clock = clock;
    this.#rules = rules;
    this.#leaseMs = leaseMs;
    const waits = isRestart && rules.keep("a start waits for one lease");
    this.#startUntil = waits ? clock.now() + this.#holdMs : longAgo;
  }

  get #holdMs(): number {
    const hasMargin = this.#rules.keep("a lease is granted longer than it is used");
    return this.#leaseMs * (hasMargin ? drift : 1);
  }

  /**
   * Grants a lease to a primary that has applied this topology version. Refused while this store knows a newer entry that took a
   * partition of the two away: the lease would prolong what the primary believes of that one too.
   */
  grant(primary: number, topologyVersion: number): boolean {
    const lacks = topologyVersion < (this.#versionsMin.get(primary) ?? 0);
    if (lacks && this.#rules.keep("a lease is refused to who lacks an entry")) return false;
    const until = this.#clock.now() + this.#holdMs;
    this.#granted.set(primary, Math.max(until, this.grantedTo(primary)));
    return true;
  }

  /** When the last lease that this store granted to another is out. */
  grantedTo(primary: number): number {
    return this.#granted.get(primary) ?? longAgo;
  }

  /** From now on the other gets a lease only when it has applied this topology version. */
  require(primary: number, topologyVersion: number): void {
    this.#versionsMin.set(primary, Math.max(topologyVersion, this.#versionsMin.get(primary) ?? 0));
  }

  /** A lease came, for a request that was sent then. */
  take(grantor: number, sentAt: number): void {
    const from = this.#rules.keep("a lease counts from its request") ? sentAt : this.#clock.now();
    this.#held.set(grantor, Math.max(from + this.#leaseMs, this.#held.get(grantor) ?? longAgo));
  }

  /** Whether the other's lease holds now. */
  holds(grantor: number): boolean {
    return (this.#held.get(grantor) ?? longAgo) > this.#clock.now();
  }

  /** Until when a store waits that takes a partition over from those who had it. */
  waitFor(formers: ReadonlyMap<number, number>): number {
    return Math.max(this.#startUntil, ...formers.values());
  }
}
