import type { EkvError } from "../services/core/errors.js";
import type { Version } from "../services/core/topology.js";
import type { CallKind } from "../services/gen/elastickv/v1/store.js";
import type { Codec } from "./codec.js";
import type { PlainKey } from "./key.js";

/** What a call resolves to. */
export type CallResult = "value" | "entry" | "version" | "boolean";

/** What calls of one sort have in common: made once, not for each call. */
export interface CallSort {
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
  readonly reject: (error: EkvError) => void;
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
  /** What the caller gives it up with. */
  signal: AbortSignal | undefined = undefined;

  constructor(
    sort: CallSort,
    key: PlainKey,
    value: Uint8Array | undefined,
    settings: CallSettings | undefined,
    resolve: (value: never) => void,
    reject: (error: EkvError) => void,
  ) {
    this.sort = sort;
    this.key = key;
    this.value = value;
    this.settings = settings;
    this.resolve = resolve as (value: unknown) => void;
    this.reject = reject;
  }
}
