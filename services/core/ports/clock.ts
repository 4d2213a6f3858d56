/** A timer that was set; `cancel` is harmless after it fired. */
export interface Timer {
  cancel(): void;
}

/** The only source of time. The real one is in services/runtime; the simulator's is virtual. */
export interface Clock {
  /** Monotonic milliseconds since some start. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch. */
  wallMs(): number;
  /** Calls `callback` once, `delayMs` from now. Does not keep the process alive. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Calls `callback` once, when the present turn of the event loop has taken what came in. In the order of the calls. */
  endOfTurn(callback: () => void): void;
}
