import { type EkvError, errorOfCall, type FailedCall } from "../services/core/errors.js";
import type { Version } from "../services/core/topology.js";
import type { CallKind } from "../services/gen/elastickv/v1/store.js";
import type { AbortWatch } from "../services/wire/abort-watch.js";
import type { Codec } from "./codec.js";
import { namedKey, type PlainKey } from "./key.js";

/** What a call resolves to. */
export type CallResult = "value" | "entry" | "version" | "boolean";

/** What calls of one sort have in common: made once, not for each call. */
export interface CallSort {
  /** The client's method. */
  readonly name: string;
  readonly kind: CallKind;
  readonly result: CallResult;
  readonly codec: Codec<unknown>;
}

/** What few calls have: settings beyond kind, key and value. */
export interface CallSettings {
  readonly ifAbsent: boolean;
  readonly ifVersion: Version | undefined;
  /** 0: for ever. */
  readonly ttlMs: number;
  readonly eventual: boolean;
}

/**
 * One call from its beginning to its end. There is one of these for every call, so it is small: what is rare, or shared,
 * is elsewhere.
 */
export class PendingCall {
  readonly sort: CallSort;
  readonly key: PlainKey;
  /** Of a PUT. */
  readonly value: Uint8Array | undefined;
  readonly settings: CallSettings | undefined;
  readonly resolve: (value: unknown) => void;
  /** Undefined: `resolve` is a promise's, and a failure becomes its rejection. */
  readonly #reject: ((error: EkvError) => void) | undefined;
  partition = 0;
  timeoutMs = 0;
  /** By the monotonic clock, in whole milliseconds. */
  deadlineMs = 0;
  attempts = 0;
  /** Handed to a transport that was connected: a store may have executed it. */
  sent = false;
  done = false;
  /** What it waits for, if it has to be told. */
  waitsFor = "";
  /** Neighbours in the list of calls of the same timeout. */
  previous: PendingCall | undefined = undefined;
  next: PendingCall | undefined = undefined;
  /** Of the signal that the caller may give it up with. */
  abortWatch: AbortWatch | undefined = undefined;

  constructor(
    sort: CallSort,
    key: PlainKey,
    value: Uint8Array | undefined,
    settings: CallSettings | undefined,
    resolve: (value: never) => void,
    reject?: (error: EkvError) => void,
  ) {
    this.sort = sort;
    this.key = key;
    this.value = value;
    this.settings = settings;
    this.resolve = resolve as (value: unknown) => void;
    this.#reject = reject;
  }

  /** Ends the call with an error that names it. */
  fail(error: EkvError): void {
    const call: FailedCall = {
      call: this.sort.name,
      key: namedKey(this.key),
      attempts: this.attempts + (this.sent ? 1 : 0),
      store: this.waitsFor === "" ? undefined : this.waitsFor,
    };
    if (this.#reject) this.#reject(errorOfCall(error, call));
    else this.resolve(rejection(error, call));
  }
}

/**
 * A rejected promise whose error has its caller's stack. V8 adds the functions that await a promise to the stack of an error
 * that is made in an async function which the promise follows. `resolve` makes it follow a turn later: hence the two.
 */
async function rejection(error: EkvError, call: FailedCall): Promise<never> {
  await Promise.resolve();
  await Promise.resolve();
  throw errorOfCall(error, call);
}
