import { limits } from "../limits.js";
import type { Clock, Timer } from "../ports/clock.js";

/** How one attempt tells its end, once; what it tells after the race is over is ignored. */
export interface Attempt<Reason> {
  /** It succeeded: the others are given up. */
  won(): void;
  failed(reason: Reason): void;
}

/** A candidate that failed. */
export interface RaceFailure<Candidate, Reason> {
  readonly candidate: Candidate;
  readonly reason: Reason;
}

/** What is tried, and how. */
export interface Race<Candidate, Reason> {
  /** Best first. */
  readonly candidates: readonly Candidate[];
  readonly clock: Pick<Clock, "setTimer">;
  /** Begins an attempt. Returns what gives it up. */
  begin(candidate: Candidate, attempt: Attempt<Reason>): () => void;
  /** Every candidate failed; in their order. Never called without candidates. */
  lost(failures: readonly RaceFailure<Candidate, Reason>[]): void;
}

/**
 * Tries candidates side by side, as RFC 8305 ("Happy Eyeballs") tries the addresses of a host: the next one begins when one
 * has failed, or `staggerMs` after the last one began, so that a silent candidate holds nobody up. The first to succeed wins.
 * Returns what gives all of it up.
 */
export function startRace<Candidate, Reason>(race: Race<Candidate, Reason>): () => void {
  const { candidates, clock } = race;
  const open = new Map<number, () => void>();
  const failures = new Map<number, RaceFailure<Candidate, Reason>>();
  let next = 0;
  let timer: Timer | undefined;
  let over = false;
  const giveUp = (): void => {
    over = true;
    timer?.cancel();
    for (const end of open.values()) end();
    open.clear();
  };
  const beginNext = (): void => {
    timer?.cancel();
    if (over || next >= candidates.length) return;
    const index = next;
    const candidate = candidates[index] as Candidate;
    next += 1;
    let ended = false;
    const end = race.begin(candidate, {
      won: () => {
        if (over || ended) return;
        ended = true;
        open.delete(index);
        giveUp();
      },
      failed: (reason) => {
        if (over || ended) return;
        ended = true;
        open.delete(index);
        failures.set(index, { candidate, reason });
        if (failures.size < candidates.length) return beginNext();
        over = true;
        race.lost(candidates.map((_, at) => failures.get(at)).filter((failure) => failure !== undefined));
      },
    });
    if (ended) return;
    open.set(index, end);
    timer = clock.setTimer(limits.staggerMs, beginNext);
  };
  beginNext();
  return giveUp;
}
