/**
 * Limits what is under way at once: `calls` calls that hold `bytes` together. A call bigger than all of `bytes` goes
 * alone. The first failure is kept and ends the work.
 */
export class Window {
  readonly #callsMax: number;
  readonly #bytesMax: number;
  #calls = 0;
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(callsMax: number, bytesMax: number) {
    this.#callsMax = callsMax;
    this.#bytesMax = bytesMax;
  }

  /** Whether a call failed: nothing more should be started. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Starts `call` as soon as there is room for `bytes` more; resolves when it was started or another has failed. */
  async start(bytes: number, call: () => Promise<void>): Promise<void> {
    while (!this.failed && this.#isFull(bytes)) await this.#change();
    if (this.failed) return;
    this.#calls += 1;
    this.#bytes += bytes;
    call()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#calls -= 1;
        this.#bytes -= bytes;
        this.#wake?.();
      });
  }

  /** Resolves when nothing is under way; throws the first failure. */
  async drain(): Promise<void> {
    while (this.#calls > 0) await this.#change();
    if (this.#failure) throw this.#failure.error;
  }

  #isFull(bytes: number): boolean {
    return this.#calls >= this.#callsMax || (this.#calls > 0 && this.#bytes + bytes > this.#bytesMax);
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}
