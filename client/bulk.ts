import { type BulkFailure, EkvError, invalidArgument } from "../services/core/errors.js";
import { AbortWatch } from "../services/wire/abort-watch.js";
import { bulkError } from "./bulk-error.js";
import { cancelled, closedError, type Connection } from "./connection.js";
import { namedKey } from "./key.js";
import { nameType, refusedBy } from "./option-checks.js";
import type { PendingCall } from "./pending-call.js";

/** What a bulk call does. */
export interface BulkWork<Item> {
  /** The client's method. */
  readonly name: string;
  /** The method's argument that holds the items, and what it should be. */
  readonly argument: { readonly name: string; readonly shape: string };
  readonly isWrite: boolean;
  keyOf(item: Item): unknown;
  /** Makes the call of an item. Throws an EkvError for an item that cannot have one. */
  makeCall(item: Item, resolve: (result: never) => void, reject: (error: EkvError) => void): PendingCall;
  /** Sends a call that was admitted. It ends by one of its two callbacks, perhaps at once. */
  send(call: PendingCall): void;
}

/**
 * Runs a call for each item, a bounded number at a time, and gives the results in the order of the items. Once all calls
 * have ended, rejects with one error that lists those that failed.
 */
export async function runBulk<Item, Result>(
  connection: Connection,
  work: BulkWork<Item>,
  items: unknown,
  signal: AbortSignal | undefined,
): Promise<Result[]> {
  const iterator = iteratorOf<Item>(items);
  if (iterator === undefined) {
    const { name, shape } = work.argument;
    throw refusedBy(work.name, invalidArgument(name, `is ${nameType(items)}; give ${shape}`));
  }
  if (connection.closed) throw refusedBy(work.name, closedError());
  const run = new BulkRun(connection, work, iterator, signal);
  connection.beginBulk();
  try {
    await run.toEnd();
  } finally {
    connection.endBulk();
  }
  if (run.failures.length > 0) throw bulkError(work.name, run.count, run.failures);
  if (run.broken) throw run.broken;
  return run.results as Result[];
}

/** Texts and bytes can be iterated too, but what they give are no keys. */
function iteratorOf<Item>(items: unknown): Iterator<Item> | undefined {
  if (typeof items !== "object" || items === null || items instanceof Uint8Array) return undefined;
  return (items as Partial<Iterable<Item>>)[Symbol.iterator]?.();
}

class BulkRun<Item> {
  readonly results: unknown[] = [];
  readonly failures: BulkFailure[] = [];
  /** Why the items could not be read to the end. */
  broken: EkvError | undefined;
  /** Items read. */
  count = 0;
  readonly #connection: Connection;
  readonly #work: BulkWork<Item>;
  readonly #iterator: Iterator<Item>;
  readonly #signal: AbortSignal | undefined;
  /** Calls admitted or waiting to be. */
  #open = 0;
  #exhausted = false;
  /** Takes back the call that waits to be admitted. */
  #withdraw: (() => void) | undefined;
  #cancelled: EkvError | undefined;
  #ended: () => void = () => undefined;

  constructor(
    connection: Connection,
    work: BulkWork<Item>,
    iterator: Iterator<Item>,
    signal: AbortSignal | undefined,
  ) {
    this.#connection = connection;
    this.#work = work;
    this.#iterator = iterator;
    this.#signal = signal;
  }

  /** Resolves when every call has ended. */
  async toEnd(): Promise<void> {
    const watch = this.#signal && new AbortWatch(this.#signal, () => this.#withdraw?.());
    await new Promise<void>((resolve) => {
      this.#ended = resolve;
      this.#fill();
    });
    watch?.stop();
  }

  /** Begins calls until there is no room for the next, or no next. */
  #fill(): void {
    while (!this.#exhausted) {
      const next = this.#next();
      if (next.done === true) this.#exhausted = true;
      else if (!this.#begin(next.value)) return;
    }
    this.#endIfDone();
  }

  #next(): IteratorResult<Item, unknown> {
    try {
      return this.#iterator.next();
    } catch (cause) {
      const { name } = this.#work.argument;
      const message = `${name}: threw while it was read: ${String(cause)}`;
      this.broken = new EkvError("INVALID_ARGUMENT", message, { cause });
      return { done: true, value: undefined };
    }
  }

  /** Begins the call of an item. Returns false when it has to wait; then it goes on with the others by itself. */
  #begin(item: Item): boolean {
    const index = this.count;
    this.count += 1;
    this.results.push(undefined);
    if (this.#signal?.aborted === true) {
      this.#failed(index, item, this.#givenUp());
      return true;
    }
    let bytes = 0;
    const over = (): void => {
      this.#open -= 1;
      this.#connection.admission.leave(bytes);
      this.#endIfDone();
    };
    let call: PendingCall;
    try {
      call = this.#work.makeCall(
        item,
        (result) => {
          this.results[index] = result;
          over();
        },
        (error) => {
          this.#failed(index, item, error);
          over();
        },
      );
    } catch (error) {
      if (!(error instanceof EkvError)) throw error;
      this.#failed(index, item, error);
      return true;
    }
    bytes = call.key.length + (call.value?.length ?? 0);
    this.#open += 1;
    return this.#admit(index, item, call, bytes);
  }

  #admit(index: number, item: Item, call: PendingCall, bytes: number): boolean {
    const { admission } = this.#connection;
    const begin = (): void => {
      this.#withdraw = undefined;
      this.#work.send(call);
      this.#fill();
    };
    if (admission.enter(bytes, begin)) {
      this.#work.send(call);
      return true;
    }
    this.#withdraw = () => {
      this.#withdraw = undefined;
      if (!admission.withdraw(begin)) return;
      this.#open -= 1;
      this.#failed(index, item, this.#givenUp());
      this.#fill();
    };
    return false;
  }

  #failed(index: number, item: Item, error: EkvError): void {
    const mayBeDone = this.#work.isWrite && !error.notExecuted;
    const key = namedKey(this.#work.keyOf(item));
    this.failures.push({ index, key, outcome: mayBeDone ? "unknown" : "not-executed", error });
  }

  /** One for all that were not begun: there may be very many. */
  #givenUp(): EkvError {
    this.#cancelled ??= cancelled(this.#signal);
    return this.#cancelled;
  }

  #endIfDone(): void {
    if (this.#exhausted && this.#open === 0) this.#ended();
  }
}
