import type { Clock, Timer } from "../core/ports/clock.js";
import type { ReportTime } from "../migration/source.js";

/** How long what is to be told soon waits for more, in milliseconds: each message costs the master a commit. */
const soonMs = 120;

/** When a store tells the master of moves, beside its heartbeats: what comes within a turn, or soon, goes together. */
export class ReportSchedule {
  readonly #clock: Pick<Clock, "endOfTurn" | "setTimer">;
  readonly #tell: () => void;
  #isNow = false;
  #soon: Timer | undefined;

  /** @param tell tells all there is */
  constructor(clock: Pick<Clock, "endOfTurn" | "setTimer">, tell: () => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** There is something to tell: at the end of this turn, or within 120 ms. */
  request(when: ReportTime): void {
    if (when === "soon") {
      this.#soon ??= this.#clock.setTimer(soonMs, () => this.request("now"));
      return;
    }
    if (this.#isNow) return;
    this.#isNow = true;
    this.#clock.endOfTurn(() => {
      this.#isNow = false;
      this.#tell();
    });
  }

  /** All there is has been told, whatever the occasion: nothing is left to be told soon. */
  told(): void {
    this.#soon?.cancel();
    this.#soon = undefined;
  }
}
