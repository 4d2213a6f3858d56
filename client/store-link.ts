import { takenOver } from "../services/core/checks.js";
import { EkvError } from "../services/core/errors.js";
import { backoffs, limits, messageBytesMax } from "../services/core/limits.js";
import type { Clock, Timer } from "../services/core/ports/clock.js";
import type { Random } from "../services/core/ports/random.js";
import { Backoff } from "../services/core/retry/backoff.js";
import type { ServerIdentity } from "../services/core/server-identity.js";
import type { PartitionEntry, StoreEndpoint } from "../services/core/topology.js";
import {
  CallKind,
  CallStatus,
  type PipelineRequest,
  type PipelineResponse,
} from "../services/gen/elastickv/v1/store.js";
import type { Channel, OpenChannel } from "../services/wire/channel.js";
import { writeApart } from "../services/wire/framed-stream.js";
import { errorFromFailure, fromServiceError } from "../services/wire/errors.js";
import { entryFromWire } from "../services/wire/topology.js";
import { CallQueue } from "./call-queue.js";
import { decodeValue } from "./codec.js";
import { checkStore } from "./store-check.js";
import type { PendingCall } from "./pending-call.js";
import type { OpenPipeline, PipelineStream } from "./pipeline-stream.js";
import { RefusedCalls } from "./refused-calls.js";
import { SentCalls } from "./sent-calls.js";
import { StreamClock } from "./stream-clock.js";
import { encodeBatch, timeoutsOf } from "./request-batch.js";

/** What a link tells the client. */
export interface StoreLinkListener {
  /** A call has its result. */
  answered(call: PendingCall, result: unknown): void;
  /** A store refused a call. */
  refused(call: PendingCall, error: EkvError): void;
  /** The stream broke under these calls, or could not be opened for them. If they come back, they wait for the next attempt. */
  lost(calls: readonly PendingCall[], reason: EkvError): void;
  /** The wait of calls that were refused is over. */
  repeat(calls: readonly PendingCall[]): void;
  /** A store says who owns a partition. */
  moved(entry: PartitionEntry): void;
  /** Another server has taken over the store's address. */
  misdirected(): void;
}

/** How a link is made. */
export interface StoreLinkOptions {
  readonly endpoint: StoreEndpoint;
  /** The store, as calls name it. */
  readonly store: ServerIdentity;
  readonly clientId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly openChannel: OpenChannel;
  readonly openPipeline: OpenPipeline;
  readonly listener: StoreLinkListener;
}

/**
 * Into how many batches the calls to a store are divided: in one they would all wait, first for the store and then for the
 * client, while the other has nothing to do.
 */
const batchesInFlight = 4;
/** Calls that are not worth dividing: a batch costs both sides as much as several calls. */
const sharedBatchMin = 32;
/** How long to try to reach a store before its calls are routed anew, in milliseconds. */
const connectMs = 1000;

/** The pipeline to one store. Calls of one turn of the event loop travel together, in one message or a few. */
export class StoreLink {
  readonly address: string;
  /** The channel, for calls that do not go through the pipeline. */
  readonly channel: Channel;
  readonly #options: StoreLinkOptions;
  readonly #sent = new SentCalls();
  readonly #queue = new CallQueue();
  #stream: PipelineStream | undefined;
  /** The store's, on this stream. */
  #streamClock = new StreamClock();
  #connecting = false;
  #flushScheduled = false;
  #blocked = false;
  /** A call with a long value is being handed to the transport. */
  #sendsLong = false;
  #nextCall = 0;
  #greeted = false;
  #retired = false;
  /** The store stops: it answers what it has, and takes no more on this stream. */
  #draining = false;
  #misdirected = false;
  /** Of all calls to the store: it may be out of reach, or have no room for this client. */
  readonly #backoff: Backoff;
  /** No stream is opened before it ends. */
  #pause: Timer | undefined;
  readonly #refused: RefusedCalls;
  #trouble: EkvError | undefined;
  /** As the topology describes it. */
  #endpoint: StoreEndpoint;
  #closeTimer: Timer | undefined;
  #closed = false;

  constructor(options: StoreLinkOptions) {
    this.#options = options;
    const { endpoint, clock, random } = options;
    this.#endpoint = endpoint;
    this.address = endpoint.address;
    this.#backoff = new Backoff(backoffs.storeLink, random);
    this.#refused = new RefusedCalls(clock, random, (calls) => options.listener.repeat(calls));
    const channelOptions = {
      "grpc.max_receive_message_length": messageBytesMax,
      "grpc.max_send_message_length": messageBytesMax,
      "grpc-node.flow_control_window": 4 * 1024 * 1024,
    };
    this.channel = options.openChannel(this.address, channelOptions, options.store);
  }

  /** Why the last attempt to use the store failed; undefined when it has answered since. */
  get trouble(): EkvError | undefined {
    return this.#trouble;
  }

  /** What a call on the channel failed with. */
  failureOf(error: unknown): EkvError {
    const { store, listener } = this.#options;
    const known = fromServiceError(error);
    if (known.answeredBy === undefined) return known;
    if (!this.#misdirected) listener.misdirected();
    this.#misdirected = true;
    return takenOver(known, this.address, store);
  }

  enqueue(call: PendingCall): void {
    this.#queue.push(call);
    this.#scheduleFlush();
  }

  /** Takes a call that the store refused for the moment, until its wait is over. `askedMs`: see {@link RefusedCalls}. */
  hold(call: PendingCall, askedMs: number): void {
    this.#refused.add(call, askedMs);
  }

  /** A call that the store had refused was answered. */
  accepted(): void {
    this.#refused.accepted();
  }

  /** Takes back the calls that wait here, unsent, and match. */
  recall(matches: (call: PendingCall) => boolean): PendingCall[] {
    return [...this.#refused.recall(matches), ...this.#queue.take(matches)];
  }

  /** Takes what the topology says of the store. If it has come back, nothing waits any longer. */
  describe(endpoint: StoreEndpoint): void {
    const before = this.#endpoint;
    this.#endpoint = endpoint;
    const isBack = endpoint.alive && (!before.alive || endpoint.incarnation !== before.incarnation);
    if (!isBack) return;
    this.#backoff.succeeded();
    this.#pause?.cancel();
    this.#pause = undefined;
    this.#refused.reset();
    this.#flush();
  }

  /** The store has left: closes once every call sent is answered. */
  retire(): void {
    this.#retired = true;
    this.#closeIfIdle();
  }

  /** Ends the stream at once; calls on it are lost. A store that does not answer to that is not waited for. */
  close(): void {
    this.#closed = true;
    this.#closeTimer?.cancel();
    this.#pause?.cancel();
    this.#refused.close();
    this.#stream?.end();
    this.#stream?.cancel();
    this.#break(new EkvError("UNAVAILABLE", "the client was closed"));
    this.channel.close();
  }

  /** At the end of the turn, so that the calls which answers give rise to are in it. */
  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#options.clock.endOfTurn(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#queue.size === 0 || this.#connecting || this.#blocked) return;
    // A draining store would refuse them: they wait until it is back, or until they are another's.
    if (this.#draining || this.#refused.holdsAll) return;
    const stream = this.#stream;
    if (stream === undefined) return this.#pause ? undefined : this.#connect();
    while (this.#queue.shortSize > 0 && this.#sent.size < limits.unansweredCallsMax && !this.#blocked) {
      this.#sendBatch(stream);
    }
    this.#sendLong(stream);
  }

  #sendBatch(stream: PipelineStream): void {
    const unanswered = this.#sent.size + this.#queue.shortSize;
    const share = Math.max(sharedBatchMin, Math.ceil(unanswered / batchesInFlight));
    const calls = this.#queue.takeBatch(share);
    if (calls.length > 0 && !stream.write(this.#requestOf(calls, false))) this.#blocked = true;
  }

  /** Sends the next call with a long value, when the last was handed on and few are unanswered. */
  #sendLong(stream: PipelineStream): void {
    if (this.#sendsLong || this.#blocked || this.#sent.longOpen >= limits.largeWritesUnansweredMax) return;
    const call = this.#queue.takeLong();
    if (call === undefined) return;
    this.#sendsLong = true;
    const written = (): void => {
      if (this.#stream !== stream) return;
      this.#sendsLong = false;
      this.#flush();
    };
    if (!writeApart(stream, this.#requestOf([call], true), written)) this.#blocked = true;
  }

  /** The batch of these calls, which count as sent from now on. */
  #requestOf(calls: PendingCall[], isLong: boolean): PipelineRequest {
    const nowMs = this.#options.clock.nowMs();
    const firstCall = this.#nextCall;
    for (const call of calls) call.sent = true;
    const request = encodeBatch(calls, firstCall, timeoutsOf(calls, nowMs), this.#streamClock.at(nowMs));
    this.#nextCall += calls.length;
    this.#sent.add(firstCall, calls, isLong);
    // Short batches may get past a long one: both must say where they go, whichever comes first.
    if (isLong || !this.#greeted) {
      this.#greeted ||= !isLong;
      request.clientId = this.#options.clientId;
      request.clusterId = this.#options.store.clusterId;
      request.storeId = this.#options.store.storeId;
    }
    return request;
  }

  #connect(): void {
    this.#connecting = true;
    this.#openPipeline().then(
      (stream) => {
        this.#connecting = false;
        if (this.#closed) return stream.cancel();
        this.#open(stream);
        this.#flush();
      },
      (error: unknown) => {
        this.#connecting = false;
        const queued = this.#queue.takeAll();
        const reason = this.failureOf(error);
        this.#backOff(reason);
        this.#options.listener.lost(queued, reason);
        this.#closeIfIdle();
      },
    );
  }

  async #openPipeline(): Promise<PipelineStream> {
    const { clock, openPipeline } = this.#options;
    const { address, channel } = this;
    // Another server would refuse the calls, but a deadline that ends before its refusal comes makes a write's outcome unknown.
    if (this.#misdirected) await checkStore(channel, clock, connectMs);
    return await openPipeline({ address, channel, clock, connectMs });
  }

  /** Opens no stream for a while. The calls wait here meanwhile, unless their keys move. */
  #backOff(reason: EkvError): void {
    if (this.#closed) return;
    this.#trouble = reason;
    this.#pause?.cancel();
    this.#pause = this.#options.clock.setTimer(this.#backoff.failed(reason.retryAfterMs), () => {
      this.#pause = undefined;
      this.#flush();
    });
  }

  #open(stream: PipelineStream): void {
    this.#stream = stream;
    this.#streamClock = new StreamClock();
    if (stream.begunMs !== undefined) this.#streamClock.heard(0, stream.begunMs);
    this.#greeted = false;
    stream.on("data", (response: PipelineResponse) => {
      // What a stream that was given up still says must not touch its successor.
      if (this.#stream === stream) this.#receive(response);
    });
    stream.on("drain", () => {
      this.#blocked = false;
      this.#flush();
    });
    const broken = (error: EkvError): void => {
      if (this.#stream === stream) this.#break(error);
    };
    stream.on("error", (error) => broken(this.failureOf(error)));
    stream.on("end", () => broken(new EkvError("UNAVAILABLE", `${this.address} ended the stream`)));
  }

  /** Everything a draining store took is answered: this side of the stream ends too. */
  #leaveIfAnswered(): void {
    if (!this.#draining || this.#sent.size > 0) return;
    this.#draining = false;
    this.#stream?.end();
    this.#stream = undefined;
    this.#sendsLong = false;
    this.#blocked = false;
    this.#backOff(this.#shutsDown());
  }

  #shutsDown(): EkvError {
    return new EkvError("UNAVAILABLE", `${this.address} is shutting down`);
  }

  #break(reason: EkvError): void {
    this.#stream = undefined;
    this.#blocked = false;
    this.#sendsLong = false;
    this.#draining = false;
    this.#backOff(reason);
    // A refusal of the stream as a whole: nothing that was sent on it was executed.
    const sent = this.#sent.takeAll().filter((call) => !call.done);
    if (reason.notExecuted) for (const call of sent) call.sent = false;
    const calls = [...sent, ...this.#queue.takeAll()];
    this.#options.listener.lost(calls, reason);
  }

  #receive(response: PipelineResponse): void {
    if (response.draining) this.#draining = true;
    this.#trouble = this.#draining ? this.#shutsDown() : undefined;
    this.#misdirected = false;
    this.#backoff.succeeded();
    const { listener, clock } = this.#options;
    if (response.clockUs !== undefined) this.#streamClock.heard(response.clockUs / 1000, clock.nowMs());
    for (const entry of response.moved) listener.moved(entryFromWire(entry));
    const { firstCall, offsets, statuses, values, valueLengths, epochs, seqs, expiriesMs, failures } =
      response;
    let valueOffset = 0;
    let nextValue = 0;
    let nextVersion = 0;
    let nextExpiry = 0;
    let nextFailure = 0;
    for (let i = 0; i < statuses.length; i += 1) {
      const number = firstCall + (offsets.length > 0 ? (offsets[i] as number) : i);
      const call = this.#sent.take(number);
      if (call === undefined) return this.#confused(number);
      const { kind, result } = call.sort;
      const status = statuses[i] as CallStatus;
      if (status === CallStatus.OK) {
        const hasVersion = kind === CallKind.PUT || (kind === CallKind.GET && result === "entry");
        const version = hasVersion ? { epoch: epochs[nextVersion], seq: seqs[nextVersion] } : undefined;
        if (hasVersion) nextVersion += 1;
        if (kind === CallKind.GET) {
          const end = valueOffset + (valueLengths[nextValue++] as number);
          const expiresAtMs = hasVersion ? (expiriesMs[nextExpiry++] as number) : 0;
          if (!call.done) this.#found(call, values, valueOffset, end, version, expiresAtMs);
          valueOffset = end;
        } else if (!call.done) {
          listener.answered(call, kind === CallKind.PUT ? version : true);
        }
      } else if (status === CallStatus.NOT_FOUND) {
        if (!call.done) listener.answered(call, kind === CallKind.GET ? undefined : false);
      } else if (status === CallStatus.MOVED) {
        const error = new EkvError("MOVED", `the key moved away from ${this.address}`, { notExecuted: true });
        if (!call.done) listener.refused(call, error);
      } else {
        const failure = failures[nextFailure++];
        const error = failure
          ? errorFromFailure(failure)
          : new EkvError("INTERNAL", `${this.address} gave no reason for its refusal`);
        if (!call.done) listener.refused(call, error);
      }
    }
    this.#leaveIfAnswered();
    this.#closeIfIdle();
    if (this.#queue.size > 0) this.#scheduleFlush();
  }

  /** A GET found `values[start, end)`. */
  #found(
    call: PendingCall,
    values: Uint8Array,
    start: number,
    end: number,
    version: unknown,
    expiresAtMs: number,
  ): void {
    const { codec, result } = call.sort;
    let value: unknown;
    try {
      value = decodeValue(codec, values, start, end);
    } catch (error) {
      return this.#options.listener.refused(call, error as EkvError);
    }
    this.#options.listener.answered(call, result === "entry" ? { value, version, expiresAtMs } : value);
  }

  /** An answer to a call that was never made: nothing this stream says can be trusted any more. */
  #confused(number: number): void {
    const stream = this.#stream;
    this.#break(new EkvError("INTERNAL", `${this.address} answered call ${number}, which is not open`));
    stream?.cancel();
  }

  #closeIfIdle(): void {
    if (!this.#retired || this.#sent.size > 0 || this.#queue.size > 0 || this.#closeTimer) return;
    // Not within the callback of the stream that is being closed.
    this.#closeTimer = this.#options.clock.setTimer(0, () => {
      const stream = this.#stream;
      this.#stream = undefined;
      stream?.end();
      stream?.cancel();
      this.channel.close();
    });
  }
}
