import type { SeededRandom } from "./random.js";

/** Something that will happen. */
interface Scheduled {
  readonly atUs: number;
  readonly order: number;
  readonly label: string;
  run: (() => void) | undefined;
}

/** Takes a scheduled happening back. */
export interface Cancel {
  (): void;
}

/**
 * Virtual time: what is to happen, in its order. Between two happenings every promise that can settle does, so that a
 * run depends on nothing but its seed.
 */
export class World {
  readonly random: SeededRandom;
  readonly #heap: Scheduled[] = [];
  readonly #observers: ((actor: string) => void)[] = [];
  /** Whose code ran in the present happening, if anybody's. */
  actor = "";
  #nowUs = 0;
  #order = 0;
  #events = 0;
  #trace = 0x811c9dc5;
  #failure: Error | undefined;

  constructor(random: SeededRandom) {
    this.random = random;
  }

  /** Microseconds since the beginning. */
  get nowUs(): number {
    return this.#nowUs;
  }

  /** Happenings so far. */
  get events(): number {
    return this.#events;
  }

  /** A hash over every happening and its time: equal for equal runs. */
  get traceHash(): string {
    return (this.#trace >>> 0).toString(16).padStart(8, "0");
  }

  /** Calls back after every happening, with the machine whose code ran. */
  observe(observer: (actor: string) => void): void {
    this.#observers.push(observer);
  }

  /** Ends the run: something is wrong. */
  fail(error: Error): void {
    this.#failure ??= error;
  }

  /** Adds to the trace. */
  note(text: string): void {
    let hash = this.#trace;
    for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    this.#trace = hash;
  }

  /** Schedules `run`; those of one moment happen in the order of the calls. */
  after(delayUs: number, label: string, run: () => void): Cancel {
    const scheduled: Scheduled = {
      atUs: this.#nowUs + Math.max(0, Math.round(delayUs)),
      order: (this.#order += 1),
      label,
      run,
    };
    this.#push(scheduled);
    return () => {
      scheduled.run = undefined;
    };
  }

  /** Lets time pass until `done` says so. Returns false when `untilUs` came first, or nothing more will happen. */
  async run(untilUs: number, done: () => boolean = () => false): Promise<boolean> {
    await settled();
    for (;;) {
      if (this.#failure) throw this.#failure;
      if (done()) return true;
      const next = this.#heap[0];
      if (next === undefined || next.atUs > untilUs) {
        this.#nowUs = Math.max(this.#nowUs, untilUs);
        return false;
      }
      this.#pop();
      const { run } = next;
      if (run === undefined) continue;
      this.#nowUs = next.atUs;
      this.#events += 1;
      this.#trace = Math.imul(this.#trace ^ next.atUs, 0x01000193);
      this.note(next.label);
      this.actor = "";
      run();
      await settled();
      for (const observer of this.#observers) observer(this.actor);
    }
  }

  #push(item: Scheduled): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Scheduled;
      if (isBefore(above, item)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Scheduled;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Scheduled, heap[child] as Scheduled))
        child += 1;
      const below = heap[child] as Scheduled;
      if (isBefore(last, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);
}

/** Resolves when no promise and no stream has anything left to do by itself. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
