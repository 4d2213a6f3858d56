import type { ClientDuplexStream } from "@grpc/grpc-js";
import { EkvError } from "../core/errors.js";
import { repeat } from "../core/repeat.js";
import { brandAs, type Incarnation, type StoreId } from "../core/ids.js";
import { backoffs, messageBytesMax } from "../core/limits.js";
import type { Clock, Timer } from "../core/ports/clock.js";
import type { Random } from "../core/ports/random.js";
import { Backoff } from "../core/retry/backoff.js";
import { anyServer } from "../core/server-identity.js";
import {
  type HeartbeatRequest,
  type HeartbeatResponse,
  type MoveReport,
  RegisterRequest,
  type RegisterResponse,
  type StoreLoad,
  type StrayReplica,
} from "../gen/elastickv/v1/master.js";
import type { ReportTime } from "../migration/source.js";
import type { Logger } from "../runtime/log.js";
import type { Identity } from "./identity.js";
import { fromTurn, reachMaster } from "./master-search.js";
import { ReportSchedule } from "./report-schedule.js";
import type { Channel, OpenChannel } from "../wire/channel.js";
import { fromServiceError } from "../wire/errors.js";
import { membershipService } from "../wire/services.js";
import { callUnary } from "../wire/unary-call.js";

const registerMsMax = 5000;

/** What membership tells the store, and asks of it. */
export interface MembershipHandler {
  /** What to register with now. */
  registration(): Promise<RegisterRequest>;
  /** The master took the registration. */
  registered(response: RegisterResponse): Promise<void>;
  /** A message of the heartbeat stream; they come one at a time, the next when the last has been dealt with. */
  received(message: HeartbeatResponse): Promise<void>;
  load(): StoreLoad;
  /** On every move with which there is something to tell, or only on those of which something is new. */
  reports(everything: boolean): MoveReport[];
  /** Live copies of what other stores serve. */
  strays(): StrayReplica[];
  /** What is wrong here, for operators, one sentence each. */
  problems(): string[];
  /** The store asks to be emptied. */
  isLeaving(): boolean;
  /** The topology version adopted, durably. */
  appliedVersion(): number;
}

/** How a store reaches its master. */
export interface MembershipOptions {
  /** host:port, tried in turn. */
  readonly masters: readonly string[];
  readonly identity: Identity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly handler: MembershipHandler;
  readonly openChannel: OpenChannel;
}

/**
 * Keeps a store registered: registers at start and whenever the master does not know it, then holds the heartbeat
 * stream open. With no master to be reached it keeps trying, and the store serves on with what it knows.
 */
export class Membership {
  readonly #options: MembershipOptions;
  #channel: Channel | undefined;
  #stream: ClientDuplexStream<HeartbeatRequest, HeartbeatResponse> | undefined;
  #registration: { readonly incarnation: Incarnation; readonly intervalMs: number } | undefined;
  #heartbeat: Timer | undefined;
  #retry: Timer | undefined;
  readonly #backoff: Backoff;
  #master = 0;
  readonly #reports: ReportSchedule;
  /** A message has come on the present stream. */
  #heard = false;
  /** Ends when every message received so far is dealt with: those of a new stream wait for those of the last. */
  #tail: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#backoff = new Backoff(backoffs.membership, options.random);
    this.#reports = new ReportSchedule(options.clock, () => this.#send(false));
  }

  /** Begins; resolves when the first registration was taken. Rejects when the master refuses this store for good. */
  async start(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#register();
        this.#openStream();
        return;
      } catch (error) {
        const known = fromServiceError(error);
        if (isFinal(known)) throw known;
        this.#master += 1;
        this.#options.log.info("no master to register with yet", { reason: known.message });
        await this.#pause();
      }
    }
  }

  /** Sends reports and the applied version rather than with the next heartbeat: those of one turn, or of some, together. */
  report(when: ReportTime): void {
    this.#reports.request(when);
  }

  /** Whether a master is there to be told things. */
  get isConnected(): boolean {
    return this.#heard;
  }

  stop(): void {
    this.#stopped = true;
    this.#heartbeat?.cancel();
    this.#retry?.cancel();
    this.#reports.told();
    this.#stream?.end();
    this.#channel?.close();
  }

  async #register(): Promise<void> {
    const { masters, identity, handler, clock, openChannel } = this.#options;
    this.#channel?.close();
    const expected = { clusterId: identity.clusterId, storeId: "" };
    const channel = await reachMaster({
      masters: fromTurn(masters, this.#master),
      clock,
      open: (address) => openChannel(address, channelOptions, expected),
    });
    this.#channel = channel;
    if (this.#stopped) return channel.close();
    const response = await callRegister(channel, await handler.registration(), clock);
    this.#registration = {
      incarnation: brandAs<Incarnation>(response.incarnation),
      intervalMs: response.heartbeatIntervalMs,
    };
    await handler.registered(response);
    this.#backoff.succeeded();
  }

  #openStream(): void {
    if (!this.#channel || this.#stopped) return;
    const { path, requestSerialize, responseDeserialize } = membershipService.heartbeat;
    const stream = this.#channel.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    this.#stream = stream;
    stream.on("data", (message: HeartbeatResponse) => {
      this.#heard = true;
      this.#tail = this.#tail
        .then(() => this.#options.handler.received(message))
        .catch((error: unknown) => {
          this.#options.log.error("a message of the master could not be carried out", { error });
          // What was not adopted must come again: with a new stream, as a snapshot.
          stream.cancel();
        });
    });
    stream.on("error", (error) => this.#reopen(stream, fromServiceError(error)));
    stream.on("end", () => this.#reopen(stream, new EkvError("UNAVAILABLE", "the master ended the stream")));
    this.#send(true);
    this.#beat();
  }

  #beat(): void {
    this.#heartbeat?.cancel();
    const everyMs = this.#registration?.intervalMs ?? registerMsMax;
    this.#heartbeat = repeat(this.#options.clock, everyMs, () => this.#send(true));
  }

  #send(withLoad: boolean): void {
    this.#reports.told();
    if (!this.#stream || !this.#registration || this.#stopped) return;
    const { handler, identity } = this.#options;
    this.#stream.write({
      clusterId: identity.clusterId,
      storeId: identity.storeId,
      incarnation: this.#registration.incarnation,
      appliedVersion: handler.appliedVersion(),
      load: withLoad ? handler.load() : undefined,
      reports: handler.reports(withLoad),
      leaving: handler.isLeaving(),
      strays: withLoad ? handler.strays() : [],
      problems: withLoad ? handler.problems() : [],
    });
  }

  /** The stream broke: register again, with this master or the next. The same process keeps its incarnation. */
  #reopen(stream: unknown, reason: EkvError): void {
    if (stream !== this.#stream || this.#stopped) return;
    this.#stream = undefined;
    this.#heard = false;
    this.#heartbeat?.cancel();
    this.#options.log.info("the heartbeat stream to the master ended", { reason: reason.message });
    void this.#pause().then(async () => {
      if (this.#stopped) return;
      this.#master += 1;
      try {
        await this.start();
      } catch (error) {
        // Refused for good, by a master that knew this store before: keep serving, keep asking, say so.
        this.#options.log.error("the master refuses this store", { error });
        await this.#pause();
        this.#reopen(this.#stream, fromServiceError(error));
      }
    });
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#retry = this.#options.clock.setTimer(this.#backoff.failed(), resolve);
    });
  }
}

/** Whether trying again cannot help: the master answered, and said no. */
function isFinal(error: EkvError): boolean {
  return error.code === "FAILED_PRECONDITION" || error.code === "INVALID_ARGUMENT";
}

const channelOptions = {
  "grpc.max_receive_message_length": messageBytesMax,
  "grpc.max_send_message_length": messageBytesMax,
};

/** Safe to repeat, whatever became of it: the same process gets the same incarnation. */
function callRegister(channel: Channel, request: RegisterRequest, clock: Clock): Promise<RegisterResponse> {
  return callUnary(channel, membershipService.register, request, {
    deadlineWallMs: clock.wallMs() + registerMsMax,
    writes: false,
  });
}

/** Who wants to join. */
export interface JoinRequest {
  readonly masters: readonly string[];
  readonly storeId: StoreId;
  /** host:port that others reach it at. */
  readonly address: () => Promise<string>;
  readonly weight: number;
  readonly processId: string;
  readonly dataLossAccepted: boolean;
  readonly engineName: string;
  readonly durability: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly openChannel: OpenChannel;
}

/**
 * A store's very first registration, which tells it the cluster it belongs to. Waits for a master to be there; rejects
 * when one refuses it.
 */
export async function joinCluster({
  masters,
  clock,
  random,
  log,
  openChannel,
  address,
  engineName,
  ...store
}: JoinRequest): Promise<Identity> {
  const backoff = new Backoff(backoffs.membership, random);
  for (let attempt = 0; ; attempt += 1) {
    let channel: Channel | undefined;
    try {
      channel = await reachMaster({
        masters: fromTurn(masters, attempt),
        clock,
        open: (master) => openChannel(master, channelOptions, anyServer),
      });
      const request = RegisterRequest.fromPartial({ ...store, engine: engineName, address: await address() });
      const { clusterId, partitionCount } = await callRegister(channel, request, clock);
      return { clusterId, partitionCount, storeId: store.storeId };
    } catch (error) {
      const known = fromServiceError(error);
      if (isFinal(known)) throw known;
      log.info("no master to join yet", { reason: known.message });
      await new Promise<void>((resolve) => {
        clock.setTimer(backoff.failed(), resolve);
      });
    } finally {
      channel?.close();
    }
  }
}
