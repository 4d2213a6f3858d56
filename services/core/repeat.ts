import type { Clock, Timer } from "./ports/clock.js";

/**
 * Runs `work` every `everyMs` milliseconds, for the first time after that, until it is cancelled. The next run is set before
 * `work` begins: what it throws goes to the process, which reports it, and ends nothing.
 */
export function repeat(clock: Pick<Clock, "setTimer">, everyMs: number, work: () => void): Timer {
  let timer: Timer;
  const set = (): void => {
    timer = clock.setTimer(everyMs, () => {
      set();
      work();
    });
  };
  set();
  return { cancel: () => timer.cancel() };
}
