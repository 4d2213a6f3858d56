/** What a clock was asked for; nothing goes on before it is let. */
export class HeldClock {
  readonly asked: string[] = [];
  #ms = 0;
  #held: (() => void)[] = [];

  /** How much of what was asked for is still held. */
  get waiting(): number {
    return this.#held.length;
  }

  nowMs(): number {
    return this.#ms;
  }

  wallMs(): number {
    return this.#ms;
  }

  endOfTurn(callback: () => void): void {
    this.#hold("end of turn", callback);
  }

  setTimer(ms: number, callback: () => void): { cancel(): void } {
    this.#hold(`${ms} ms`, callback);
    return { cancel: () => void (this.#held = this.#held.filter((held) => held !== callback)) };
  }

  /** Lets the oldest go on, so many milliseconds later. */
  async goOn(ms: number): Promise<void> {
    this.#ms += ms;
    this.#held.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  #hold(what: string, callback: () => void): void {
    this.asked.push(what);
    this.#held.push(callback);
  }
}
