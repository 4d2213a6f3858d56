import { limits } from "../core/limits.js";
import { entryToWire } from "../wire/topology.js";
import type { EkvError } from "../core/errors.js";
import { failureToWire } from "../wire/errors.js";
import type { PartitionEntry } from "../core/topology.js";
import { CallStatus, type CallFailure, type PipelineResponse } from "../gen/elastickv/v1/store.js";

/** Calls of one batch are this near to its first: so any two are within 32 bits of each other. */
const callSpan = 2 ** 31;
/** Room made for values beforehand: so much for each call, and so much in all. */
const valueBytesExpected = 128;

/** Up to here a loop copies bytes sooner than a call does. */
const loopBytes = 192;

/** What a failure takes besides its message, about. */
const failureBytes = 64;

/** Collects answers of a pipeline into the columns of one PipelineResponse. */
export class AnswerBatch {
  #calls: number[] = [];
  #statuses: number[] = [];
  #values: Buffer;
  #valuesBytes = 0;
  #failuresBytes = 0;
  #valueLengths: number[] = [];
  #epochs: number[] = [];
  #seqs: number[] = [];
  #expiriesMs: number[] = [];
  #moved = new Map<number, PartitionEntry>();
  #failures: CallFailure[] = [];

  /** @param callsExpected about how many answers will come; 0: few, without values */
  constructor(callsExpected = 0) {
    this.#values = Buffer.allocUnsafe(
      Math.min(limits.answerBytesExpectedMax, callsExpected * valueBytesExpected),
    );
  }

  get size(): number {
    return this.#calls.length;
  }

  /** Bytes of values and failures collected. */
  get bytes(): number {
    return this.#valuesBytes + this.#failuresBytes;
  }

  /** Whether a call's number can be told in this batch: as a difference of 32 bits to the least, whichever that is. */
  reaches(call: number): boolean {
    const first = this.#calls[0];
    return first === undefined || Math.abs(call - first) < callSpan;
  }

  /** An answer without columns of its own: CONTAINS, DELETE, not found. */
  add(call: number, status: CallStatus): void {
    this.#calls.push(call);
    this.#statuses.push(status);
  }

  /** A GET that found what is at `start` to `end` of `source`; the bytes are copied. */
  addValue(call: number, source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#valuesBytes + length > this.#values.length) this.#grow(length);
    const values = this.#values;
    const at = this.#valuesBytes;
    if (length > loopBytes) values.set(source.subarray(start, end), at);
    else for (let i = 0; i < length; i += 1) values[at + i] = source[start + i] as number;
    this.#valuesBytes += length;
    this.#valueLengths.push(length);
    this.add(call, CallStatus.OK);
  }

  /** The version of the answer just added. */
  addVersion(epoch: number, seq: number): void {
    this.#epochs.push(epoch);
    this.#seqs.push(seq);
  }

  /** The expiry of the answer just added; 0: never. */
  addExpiry(expiresAtMs: number): void {
    this.#expiriesMs.push(expiresAtMs);
  }

  addError(call: number, error: EkvError): void {
    if (error.moved) {
      this.#moved.set(error.moved.partition, error.moved);
      this.add(call, CallStatus.MOVED);
      return;
    }
    this.add(call, error.code === "CONDITION_FAILED" ? CallStatus.CONDITION_FAILED : CallStatus.ERROR);
    this.#failures.push(failureToWire(error));
    this.#failuresBytes += failureBytes + error.message.length;
  }

  /** The message, sent at `clockUs` of the stream. The batch is empty afterwards, and must not be added to. */
  finish(clockUs: number): PipelineResponse {
    const calls = this.#calls;
    this.#calls = [];
    const first = calls[0] ?? 0;
    let firstCall = first;
    let consecutive = true;
    for (let i = 1; i < calls.length; i += 1) {
      const call = calls[i] as number;
      if (call !== first + i) consecutive = false;
      if (call < firstCall) firstCall = call;
    }
    return {
      firstCall,
      offsets: consecutive ? [] : calls.map((call) => call - firstCall),
      statuses: new Uint8Array(this.#statuses),
      values: this.#values.subarray(0, this.#valuesBytes),
      valueLengths: this.#valueLengths,
      epochs: this.#epochs,
      seqs: this.#seqs,
      expiriesMs: this.#expiriesMs,
      moved: [...this.#moved.values()].map(entryToWire),
      failures: this.#failures,
      draining: false,
      clockUs,
    };
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafe(Math.max(this.#values.length * 2, this.#valuesBytes + length));
    grown.set(this.#values.subarray(0, this.#valuesBytes));
    this.#values = grown;
  }
}
