/** One thing that went wrong. */
export interface Finding {
  /** `get`, `put-if-version` … */
  readonly call: string;
  readonly key: string;
  readonly what: string;
}

/** How many findings of each sort are kept word for word; all are counted. */
const examplesMax = 10;
/** So many findings, and going on tells nothing new. */
const hopelessCount = 1000;

/** Counts the calls and keeps what went wrong with them. */
export class Findings {
  readonly #calls = new Map<string, number>();
  readonly #failures: Finding[] = [];
  readonly #wrongAnswers: Finding[] = [];
  #failureCount = 0;
  #wrongAnswerCount = 0;

  countCall(call: string): void {
    this.#calls.set(call, (this.#calls.get(call) ?? 0) + 1);
  }

  /** A call that ended in an error it should not have ended in. */
  addFailure(failure: Finding): void {
    this.#failureCount += 1;
    if (this.#failures.length < examplesMax) this.#failures.push(failure);
  }

  /** A call that was answered, but not as the model says. */
  addWrongAnswer(answer: Finding): void {
    this.#wrongAnswerCount += 1;
    if (this.#wrongAnswers.length < examplesMax) this.#wrongAnswers.push(answer);
  }

  /** Whether so much went wrong that the workload should stop. */
  get areHopeless(): boolean {
    return this.#failureCount + this.#wrongAnswerCount >= hopelessCount;
  }

  get failureCount(): number {
    return this.#failureCount;
  }

  get wrongAnswerCount(): number {
    return this.#wrongAnswerCount;
  }

  /** The first of them. */
  get failures(): readonly Finding[] {
    return this.#failures;
  }

  /** The first of them. */
  get wrongAnswers(): readonly Finding[] {
    return this.#wrongAnswers;
  }

  /** Number of calls of each kind. */
  get calls(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#calls].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
