import type { EkvError } from "../services/core/errors.js";
import type { Version } from "../services/core/topology.js";
import type { CallKind } from "../services/gen/elastickv/v1/store.js";
import type { Codec } from "./codec.js";

/** What a call resolves to. */
export type CallResult = "value" | "entry" | "version" | "boolean";

/** One call from its beginning to its end. The caller's promise is its only closure. */
export class PendingCall {
  readonly kind: CallKind;
  readonly key: Uint8Array;
  /** Of a PUT. */
  readonly value: Uint8Array | undefined;
  readonly result: CallResult;
  readonly partition: number;
  readonly deadlineMs: number;
  readonly timeoutMs: number;
  readonly codec: Codec<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: EkvError) => void;
  ifAbsent = false;
  ifVersion: Version | undefined;
  ttlMs = 0;
  eventual = false;
  /** Handed to a transport that was connected: a store may have executed it. */
  sent = false;
  done = false;
  attempts = 0;
  /** What it waits for, if it has to be told. */
  waitsFor = "";
  /** Neighbours in the list of calls of the same timeout. */
  previous: PendingCall | undefined;
  next: PendingCall | undefined;
  /** What the caller gives it up with. */
  signal: AbortSignal | undefined;

  constructor(call: {
    readonly kind: CallKind;
    readonly key: Uint8Array;
    readonly value: Uint8Array | undefined;
    readonly result: CallResult;
    readonly partition: number;
    readonly deadlineMs: number;
    readonly timeoutMs: number;
    readonly codec: Codec<unknown>;
    readonly resolve: (value: unknown) => void;
    readonly reject: (error: EkvError) => void;
  }) {
    this.kind = call.kind;
    this.key = call.key;
    this.value = call.value;
    this.result = call.result;
    this.partition = call.partition;
    this.deadlineMs = call.deadlineMs;
    this.timeoutMs = call.timeoutMs;
    this.codec = call.codec;
    this.resolve = call.resolve;
    this.reject = call.reject;
  }

  /** Whether it has settings beyond kind, key and value. */
  get hasOptions(): boolean {
    return (
      this.ifAbsent ||
      this.ifVersion !== undefined ||
      this.ttlMs !== 0 ||
      this.eventual ||
      this.result === "entry"
    );
  }
}
