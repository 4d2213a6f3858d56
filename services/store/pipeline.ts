import { keyViolation } from "../core/checks.js";
import { EkvError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import { recordEpoch, recordExpiresAtMs, recordSeq, recordValueOffset } from "../core/record.js";
import type { RecordLocation } from "../core/ports/storage-engine.js";
import { decideGate } from "../core/store/gate.js";
import { type KVMap, unavailable, type WriteSink } from "../core/store/kv-map.js";
import type { Partition } from "../core/store/partition.js";
import type { Replica, Version } from "../core/topology.js";
import {
  CallKind,
  type CallOptions,
  CallStatus,
  Consistency,
  type PipelineRequest,
  type PipelineResponse,
} from "../gen/elastickv/v1/store.js";
import { writeApart } from "../wire/framed-stream.js";
import { AnswerBatch } from "./answer-batch.js";
import type { Calls, WriteRequest } from "./calls.js";
import { conditionFromWire } from "./conditions.js";
import { LargeAnswers, type LargeRead } from "./large-answers.js";
import { malformedBatch } from "./malformed-batch.js";

/** What pipelines work with. */
export interface PipelineOptions {
  readonly calls: Calls;
  readonly kvMap: KVMap;
  readonly clock: Clock;
  readonly clusterId: string;
  /** The earliest that what is read now can have arrived; see {@link Standstill}. */
  readonly arrivedMs: () => number;
  /** Unanswered calls of one stream; more are refused. */
  readonly callsInFlightMax: number;
  self(): Replica;
  /** Ends the stream with an error. */
  fail(error: EkvError): void;
}

/** A client's stream, over gRPC or framed: what both have in common. */
export interface PipelineStream {
  readonly destroyed: boolean;
  readonly cancelled: boolean;
  readonly writableEnded: boolean;
  on(event: "data", listener: (request: PipelineRequest) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end" | "drain" | "close", listener: () => void): unknown;
  /** False: wait for `drain`. */
  write(response: PipelineResponse, written?: () => void): boolean;
  /** As {@link FramedStream.writeApart}; undefined: all goes as a whole. */
  writeApart?(response: PipelineResponse, written: () => void): boolean;
  end(): unknown;
  pause(): unknown;
  resume(): unknown;
  destroy(): unknown;
}

/** A batch, and how far it is worked off. */
interface ReceivedBatch {
  readonly request: PipelineRequest;
  /** When it was sent, or earlier, by the monotonic clock: its timeouts count from then. */
  readonly sentMs: number;
  /** The next call. */
  index: number;
  keyOffset: number;
  valueOffset: number;
  /** PUTs so far. */
  puts: number;
  /** The next of the batch's options. */
  options: number;
}

/**
 * One client's pipeline. Reads of a batch are answered at once, in one message, at the latest when the turn ends; writes
 * when they are durable; calls that wait for a hand-off when it is over.
 */
export class Pipeline implements WriteSink {
  readonly #stream: PipelineStream;
  readonly #options: PipelineOptions;
  /** Takes the answers that come later. */
  #deferred: AnswerBatch | undefined;
  /** Answers that are to be sent and are not yet: the deferred ones, and those that these had no room for. */
  readonly #unsent = new Set<AnswerBatch>();
  #inFlight = 0;
  /** The client sends nothing more. */
  #ended = false;
  #draining = false;
  /** The transport is full. */
  #blocked = false;
  /** A batch was taken. */
  #begun = false;
  readonly #batches: ReceivedBatch[] = [];
  /** When the stream began, by the monotonic clock. */
  readonly #begunMs: number;
  readonly #large = new LargeAnswers((read) => this.#readWaiting(read));

  constructor(stream: PipelineStream, options: PipelineOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#begunMs = options.clock.nowMs();
    stream.on("data", (request: PipelineRequest) => this.#receive(request));
    stream.on("end", () => {
      this.#ended = true;
      this.#endWhenAnswered();
    });
    stream.on("drain", () => {
      this.#blocked = false;
      this.#work();
      if (this.#blocked) return;
      stream.resume();
      this.#endWhenAnswered();
    });
  }

  /** Calls received and not answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Tells the client to leave: calls taken so far are answered, later ones refused, and the client ends the stream. */
  drain(): void {
    const stream = this.#stream;
    if (this.#draining || stream.destroyed || stream.cancelled || stream.writableEnded) return;
    this.#draining = true;
    stream.write({ ...new AnswerBatch().finish(this.#clockUs()), draining: true });
  }

  written(call: number, { epoch, seq }: Version): void {
    const batch = this.#defer(call);
    // Only a PUT's answer has a version column; the sign of the call number tells them apart without a closure.
    if (call >= 0) {
      batch.add(call, CallStatus.OK);
      batch.addVersion(epoch, seq);
    } else {
      batch.add(-call - 1, CallStatus.OK);
    }
  }

  notFound(call: number): void {
    this.#defer(call).add(call >= 0 ? call : -call - 1, CallStatus.NOT_FOUND);
  }

  refused(call: number, error: EkvError): void {
    this.#defer(call).addError(call >= 0 ? call : -call - 1, error);
  }

  #receive(request: PipelineRequest): void {
    // Behind a malformed batch.
    if (this.#stream.writableEnded) return;
    const malformed = malformedBatch(request, {
      clusterId: this.#options.clusterId,
      storeId: this.#options.self().storeId,
    });
    if (malformed) {
      // What was answered before it is told first.
      for (const batch of this.#unsent) this.#sendDeferred(batch);
      const { code, message, violations, answeredBy } = malformed;
      // Earlier batches of this stream may be under way.
      const details = { violations, notExecuted: !this.#begun, ...(answeredBy && { answeredBy }) };
      this.#options.fail(new EkvError(code, message, details));
      return;
    }
    this.#begun = true;
    const sentMs = this.#sentMs(request);
    this.#batches.push({ request, sentMs, index: 0, keyOffset: 0, valueOffset: 0, puts: 0, options: 0 });
    this.#work();
  }

  /** The stream's clock, in whole microseconds, rounded down. */
  #clockUs(): number {
    return Math.floor((this.#options.clock.nowMs() - this.#begunMs) * 1000);
  }

  /** When a batch was sent, by a client that knows the stream's clock; else the earliest that it can have arrived. */
  #sentMs({ sentAtUs }: PipelineRequest): number {
    const { clock, arrivedMs } = this.#options;
    if (sentAtUs === undefined) return arrivedMs();
    return Math.min(clock.nowMs(), this.#begunMs + sentAtUs / 1000);
  }

  /** Works off what was received, as long as the transport takes the answers: a batch may ask for more than fits. */
  #work(): void {
    while (!this.#blocked) {
      const batch = this.#batches[0];
      if (batch === undefined) return;
      const calls = batch.request.kinds.length;
      const joins = calls <= limits.joinedAnswersMax;
      const open = joins ? this.#open(batch.request.firstCall + calls) : undefined;
      const answers = open ?? new AnswerBatch(calls - batch.index);
      // What its writes are answered with at once joins what it reads.
      if (joins) this.#deferred ??= answers;
      const inFlight = this.#inFlight;
      this.#takeCalls(batch, answers);
      if (batch.index >= calls) this.#batches.shift();
      if (answers === open) continue;
      const deferred = this.#deferred === answers;
      if (deferred && this.#inFlight > inFlight) {
        // By the end of the turn its writes are durable, if the engine commits at once.
        this.#unsent.add(answers);
        this.#options.clock.endOfTurn(() => this.#sendDeferred(answers));
        continue;
      }
      if (deferred) this.#deferred = undefined;
      if (answers.size > 0) this.#send(answers);
    }
    this.#stream.pause();
  }

  /** Takes calls of a batch until it is worked off, or the answers make a full message. */
  #takeCalls(batch: ReceivedBatch, answers: AnswerBatch): void {
    const { request, sentMs } = batch;
    const { kinds, keys, keyLengths, values, valueLengths, timeoutsMs, firstCall, options } = request;
    while (batch.index < kinds.length && answers.bytes < limits.answerBytesTarget) {
      const index = batch.index++;
      const call = firstCall + index;
      const kind = kinds[index] as CallKind;
      const keyStart = batch.keyOffset;
      const keyEnd = keyStart + (keyLengths[index] ?? 0);
      batch.keyOffset = keyEnd;
      const callOptions = options[batch.options]?.call === index ? options[batch.options++] : undefined;
      const timeoutMs = timeoutsMs[timeoutsMs.length === 1 ? 0 : index];
      const deadlineMs = timeoutMs === undefined ? Infinity : sentMs + timeoutMs;
      const valueStart = batch.valueOffset;
      if (kind === CallKind.PUT) batch.valueOffset += valueLengths[batch.puts++] ?? 0;
      const refused = this.#refusalOf(keyEnd - keyStart);
      if (refused) {
        answers.addError(call, refused);
      } else if (kind === CallKind.GET || kind === CallKind.CONTAINS) {
        this.#read(call, kind, keys, keyStart, keyEnd, callOptions, deadlineMs, answers);
      } else {
        this.#write(
          call,
          {
            kind: kind === CallKind.PUT ? "put" : "delete",
            key: keys.subarray(keyStart, keyEnd),
            value: values.subarray(valueStart, batch.valueOffset),
            condition: conditionFromWire(callOptions?.condition),
            ttlMs: callOptions?.ttlMs ?? 0,
          },
          deadlineMs,
        );
      }
    }
  }

  /** What any call is refused with before it is looked at. */
  #refusalOf(keyBytes: number): EkvError | undefined {
    if (this.#draining) return unavailable("the store is shutting down");
    if (this.#inFlight >= this.#options.callsInFlightMax) return tooManyCalls(this.#options.callsInFlightMax);
    return keyViolation(keyBytes);
  }

  /** Answers into `answers` when the partition is open and nothing is in the way; otherwise later. */
  #read(
    call: number,
    kind: CallKind,
    keys: Uint8Array,
    keyStart: number,
    keyEnd: number,
    options: CallOptions | undefined,
    deadlineMs: number,
    answers: AnswerBatch,
  ): void {
    const { kvMap, calls } = this.#options;
    const partition = calls.partitionFor(keys, keyStart, keyEnd);
    if (partition.readable && !kvMap.mustWait(partition)) {
      let record: RecordLocation | undefined;
      try {
        record = kvMap.locate(partition, keys, keyStart, keyEnd);
      } catch (error) {
        return answers.addError(call, asEkvError(error));
      }
      if (record === undefined) {
        calls.reads += 1;
        return answers.add(call, CallStatus.NOT_FOUND);
      }
      if (!kvMap.hasExpired(record.bytes, record.start)) {
        if (record.end - record.start > limits.largeValueBytes && kind === CallKind.GET) {
          const key = keys.subarray(keyStart, keyEnd);
          return this.#readLarge({ call, key, options, deadlineMs }, record);
        }
        calls.reads += 1;
        return addRead(answers, call, kind, record, options?.wantVersion ?? false);
      }
    }
    const moved = this.#refusal(partition, options);
    if (moved) return answers.addError(call, moved);
    this.#inFlight += 1;
    const key = keys.subarray(keyStart, keyEnd);
    calls.read(key, options?.consistency === Consistency.EVENTUAL, deadlineMs).then(
      (result) => {
        const isLarge = result !== undefined && result.value.length > limits.largeValueBytes;
        if (isLarge && kind === CallKind.GET && this.#large.isSending) {
          return this.#large.wait({ call, key: Buffer.from(key), options, deadlineMs });
        }
        const apart = isLarge && kind === CallKind.GET ? new AnswerBatch() : undefined;
        if (apart) this.#inFlight -= 1;
        const batch = apart ?? this.#defer(call);
        if (result === undefined) return batch.add(call, CallStatus.NOT_FOUND);
        if (kind === CallKind.CONTAINS) return batch.add(call, CallStatus.OK);
        batch.addValue(call, result.value, 0, result.value.length);
        if (options?.wantVersion) {
          batch.addVersion(result.version.epoch, result.version.seq);
          batch.addExpiry(result.expiresAtMs);
        }
        if (apart) this.#sendLarge(apart);
      },
      (error: unknown) => this.refused(call, asEkvError(error)),
    );
  }

  /** A long value was found: its answer goes apart, or waits for those before it. */
  #readLarge(read: LargeRead, record: RecordLocation): void {
    if (this.#large.isSending) {
      this.#inFlight += 1;
      return this.#large.wait({ ...read, key: Buffer.from(read.key) });
    }
    this.#options.calls.reads += 1;
    const answer = new AnswerBatch();
    addRead(answer, read.call, CallKind.GET, record, read.options?.wantVersion ?? false);
    this.#sendLarge(answer);
  }

  /** Reads a long value whose turn has come anew: it may have changed, or moved, meanwhile. */
  #readWaiting({ call, key, options, deadlineMs }: LargeRead): void {
    this.#inFlight -= 1;
    const answers = new AnswerBatch();
    if (deadlineMs <= this.#options.clock.nowMs()) answers.addError(call, deadlinePassed());
    else this.#read(call, CallKind.GET, key, 0, key.length, options, deadlineMs, answers);
    if (answers.size > 0) this.#send(answers);
    this.#endWhenAnswered();
  }

  #sendLarge(answer: AnswerBatch): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.cancelled || stream.writableEnded) return;
    if (!writeApart(stream, answer.finish(this.#clockUs()), this.#large.begin())) this.#blocked = true;
    this.#endWhenAnswered();
  }

  /** What a read is refused with at once, without waiting. */
  #refusal(partition: Partition, options: CallOptions | undefined): EkvError | undefined {
    if (options?.consistency === Consistency.EVENTUAL && partition.generation !== undefined) return undefined;
    const gate = decideGate(partition, this.#options.self(), false);
    return gate.kind === "refused" ? gate.error : undefined;
  }

  #write(call: number, request: WriteRequest, deadlineMs: number): void {
    const { calls } = this.#options;
    const tagged = request.kind === "put" ? call : -call - 1;
    this.#inFlight += 1;
    const violation = calls.violationOf(request);
    if (violation) return this.refused(tagged, violation);
    const partition = calls.partitionFor(request.key, 0, request.key.length);
    if (partition.writable && !partition.follower?.full) {
      return calls.submit(partition, request, deadlineMs, tagged, this);
    }
    calls.write(request, deadlineMs).then(
      ({ version }) => (version ? this.written(tagged, version) : this.notFound(tagged)),
      (error: unknown) => this.refused(tagged, asEkvError(error)),
    );
  }

  /**
   * The batch for the answer to a call (or to `-call - 1`) that comes later; sent when the present run of callbacks is
   * over.
   */
  #defer(call: number): AnswerBatch {
    this.#inFlight -= 1;
    const open = this.#open(call >= 0 ? call : -call - 1);
    if (open) return open;
    const batch = new AnswerBatch();
    this.#deferred = batch;
    this.#unsent.add(batch);
    queueMicrotask(() => this.#sendDeferred(batch));
    return batch;
  }

  /** The answers that wait to be sent, when there is room for more and a call of this number. */
  #open(call: number): AnswerBatch | undefined {
    const open = this.#deferred;
    return open && open.bytes < limits.answerBytesTarget && open.reaches(call) ? open : undefined;
  }

  /** Sends answers that waited, once. */
  #sendDeferred(batch: AnswerBatch): void {
    if (!this.#unsent.delete(batch)) return;
    if (this.#deferred === batch) this.#deferred = undefined;
    if (batch.size > 0) this.#send(batch);
    this.#endWhenAnswered();
  }

  #send(batch: AnswerBatch): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.cancelled || stream.writableEnded) return;
    // A client that does not read its answers gets no more calls taken.
    if (!stream.write(batch.finish(this.#clockUs()))) this.#blocked = true;
  }

  #endWhenAnswered(): void {
    const answered = this.#inFlight === 0 && this.#unsent.size === 0 && this.#batches.length === 0;
    if (this.#ended && answered && !this.#stream.writableEnded) this.#stream.end();
  }
}

function addRead(
  answers: AnswerBatch,
  call: number,
  kind: CallKind,
  { bytes, start, end }: RecordLocation,
  wantVersion: boolean,
): void {
  if (kind === CallKind.CONTAINS) return answers.add(call, CallStatus.OK);
  answers.addValue(call, bytes, recordValueOffset(bytes, start), end);
  if (!wantVersion) return;
  answers.addVersion(recordEpoch(bytes, start), recordSeq(bytes, start));
  answers.addExpiry(recordExpiresAtMs(bytes, start));
}

function asEkvError(error: unknown): EkvError {
  return error instanceof EkvError ? error : new EkvError("INTERNAL", "internal error", { cause: error });
}

function deadlinePassed(): EkvError {
  return new EkvError("DEADLINE_EXCEEDED", "the deadline passed while other long values were sent", {
    notExecuted: true,
  });
}

function tooManyCalls(callsInFlightMax: number): EkvError {
  return new EkvError(
    "RESOURCE_EXHAUSTED",
    `${callsInFlightMax} calls of this stream are unanswered; wait for answers before sending more`,
    { notExecuted: true, retryAfterMs: limits.callsRetryMs },
  );
}
