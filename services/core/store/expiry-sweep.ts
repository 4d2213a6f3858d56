import type { EkvError } from "../errors.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { KVMap } from "./kv-map.js";
import { WorkPace } from "./work-pace.js";

/** How long the sweep rests when the last found nothing, in milliseconds. */
const idleMs = 1000;
/** How long it rests when the last found something: more will expire soon. */
const busyMs = 100;
/** After a sweep rests at least this many times as long as it took: much that it may not delete is not read all the time. */
const restShare = 4;

/**
 * Deletes the keys whose time to live is over. It goes through all that have expired, oldest first, one piece a turn of
 * the event loop until there are no more: as many as expire, in as much of each turn as {@link WorkPace} allows.
 */
export class ExpirySweep {
  readonly #kvMap: KVMap;
  readonly #clock: Clock;
  readonly #pace = new WorkPace();
  #timer: Timer | undefined;
  #stopped = false;
  #startedMs = 0;
  /** The present sweep deleted something, or could not. */
  #found = false;
  #failed = false;
  /** Of the present walk through what has expired. */
  #seen = 0;
  #deletedOfSeen = 0;
  #oldestMs: number | undefined;

  constructor(kvMap: KVMap, clock: Clock) {
    this.#kvMap = kvMap;
    this.#clock = clock;
  }

  /** Sweeps from now on. */
  start(): void {
    this.#rest(idleMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** How long the oldest key that has expired has waited to be deleted, in milliseconds, to within a second; 0: none waits. */
  lagMs(): number {
    return this.#oldestMs === undefined ? 0 : Math.max(0, this.#clock.wallMs() - this.#oldestMs);
  }

  #rest(restMs: number): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.setTimer(restMs, () => {
      this.#startedMs = this.#clock.nowMs();
      this.#found = false;
      this.#failed = false;
      this.#piece(undefined);
    });
  }

  /** One {@link #sweepPiece}. The process reports what it throws; the next sweep begins all the same. */
  #piece(behind: Uint8Array | undefined): void {
    try {
      this.#sweepPiece(behind);
    } catch (error) {
      this.#rest(idleMs);
      throw error;
    }
  }

  /** Deletes some keys, from behind a position, and goes on when their deletion is committed. */
  #sweepPiece(behind: Uint8Array | undefined): void {
    if (this.#stopped) return;
    const limit = this.#pace.items;
    const startedMs = this.#clock.nowMs();
    const { seen, deleted, oldestMs, position } = this.#kvMap.sweepExpired(limit, behind, this.#deleted);
    const sweptMs = this.#clock.nowMs() - startedMs;
    this.#oldestMs = oldestMs ?? this.#oldestMs;
    this.#found ||= deleted > 0;
    this.#seen += seen;
    this.#deletedOfSeen += deleted;
    const goOn = (): void => {
      const spentMs = sweptMs + deleted * this.#kvMap.commitMsPerWrite;
      this.#pace.took(seen, spentMs, this.#clock.nowMs() - startedMs - spentMs);
      if (seen === limit && !this.#failed) this.#piece(position);
      else if (this.#mayHaveMissed()) this.#piece(undefined);
      else this.#end();
    };
    if (deleted > 0) this.#kvMap.afterCommit(goOn);
    else this.#clock.endOfTurn(goOn);
  }

  /** Keys that the engine moved meanwhile were not seen by a walk that deleted most of what it saw: another goes at once. */
  #mayHaveMissed(): boolean {
    const goesOn = !this.#failed && this.#deletedOfSeen > 0 && 2 * this.#deletedOfSeen >= this.#seen;
    this.#seen = 0;
    this.#deletedOfSeen = 0;
    return goesOn;
  }

  readonly #deleted = (error?: EkvError): void => {
    this.#failed ||= error !== undefined;
  };

  #end(): void {
    if (!this.#failed) this.#oldestMs = undefined;
    const spentMs = this.#clock.nowMs() - this.#startedMs;
    if (this.#found && !this.#failed) this.#rest(busyMs);
    else this.#rest(Math.max(idleMs, restShare * spentMs));
  }
}
