import { type ChannelOptions, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { Channel } from "../../../services/wire/channel.js";
import { type CallMethod, type CallStatus, ClientCall, ClientStream, errorOf } from "./client-call.js";
import { Connection } from "./connection.js";
import type { Network } from "./network.js";
import type { SimProcess } from "./process.js";

/** How long one attempt to connect may take; grpc-js's. */
const connectTimeoutUs = 20_000_000;
const retryUs = 20_000;

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "connecting" }
  | { readonly kind: "ready"; readonly connection: Connection }
  /** The last attempt failed; until then calls fail at once. */
  | { readonly kind: "failed"; readonly reason: string };

/** A channel of the simulated network, with the behaviour of a grpc-js Client that the product relies on. */
class Caller {
  readonly #network: Network;
  readonly #process: SimProcess;
  readonly #address: string;
  readonly #options: ChannelOptions;
  #state: State = { kind: "idle" };
  #queued: ClientCall[] = [];
  #waiting: (() => void)[] = [];
  #closed = false;

  constructor(network: Network, process: SimProcess, address: string, options: ChannelOptions) {
    this.#network = network;
    this.#process = process;
    this.#address = address;
    this.#options = options;
  }

  get process(): SimProcess {
    return this.#process;
  }

  call(call: ClientCall): void {
    const { clock } = this.#process;
    const { deadlineMs } = call.method;
    const timeoutMs = deadlineMs === Infinity ? Infinity : deadlineMs - clock.wallMs();
    if (timeoutMs <= 0) return this.#soon(() => call.cancel(status.DEADLINE_EXCEEDED, "Deadline exceeded"));
    if (timeoutMs !== Infinity) {
      clock.setTimer(timeoutMs, () => call.cancel(status.DEADLINE_EXCEEDED, "Deadline exceeded"));
    }
    if (this.#closed) return this.#soon(() => call.lost("the channel was closed"));
    const state = this.#state;
    if (state.kind === "ready") return call.start(state.connection, timeoutMs);
    if (state.kind === "failed") return this.#soon(() => call.lost(state.reason));
    this.#queued.push(call);
    this.#connect();
  }

  waitForReady(deadlineMs: number, done: (error?: Error) => void): void {
    if (this.#state.kind === "ready") return this.#soon(() => done());
    let over = false;
    const once = (error?: Error): void => {
      if (over) return;
      over = true;
      done(error);
    };
    this.#waiting.push(() => once());
    this.#process.clock.setTimer(deadlineMs - this.#process.clock.wallMs(), () =>
      once(new Error("Failed to connect before the deadline")),
    );
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    const queued = this.#queued;
    this.#queued = [];
    for (const call of queued) this.#soon(() => call.lost("the channel was closed"));
    if (this.#state.kind === "ready") this.#closeWhenIdle(this.#state.connection);
  }

  /** Calls that are open may end first. */
  #closeWhenIdle(connection: Connection): void {
    if (!connection.isOpen("client")) return;
    if (connection.clientCalls.size === 0) return connection.break("client", "the channel was closed");
    this.#process.later(100_000, "closing", () => this.#closeWhenIdle(connection));
  }

  #soon(run: () => void): void {
    this.#process.later(0, "call", run);
  }

  #connect(): void {
    if (this.#closed || this.#state.kind !== "idle") return;
    this.#state = { kind: "connecting" };
    const startedUs = this.#network.world.nowUs;
    this.#process.effect(() => this.#attempt(startedUs));
  }

  #attempt(startedUs: number): void {
    const { world } = this.#network;
    const host = this.#address.split(":")[0] ?? "";
    const roundTripUs = this.#network.latencyUs() + this.#network.latencyUs();
    world.after(roundTripUs, `${this.#process.name} connects`, () => {
      if (!this.#process.alive) return;
      const own = this.#process.host;
      if (!this.#network.reaches(own, host) || !this.#network.reaches(host, own)) {
        if (world.nowUs - startedUs > connectTimeoutUs) return this.#enter(() => this.#fail("timed out"));
        world.after(retryUs, `${this.#process.name} connects again`, () => this.#attempt(startedUs));
        return;
      }
      const listener = this.#network.listener(this.#address);
      if (listener === undefined) return this.#enter(() => this.#fail("the connection was refused"));
      this.#enter(() => this.#connected(listener));
    });
  }

  #enter(run: () => void): void {
    this.#process.enter(run);
  }

  #connected(listener: NonNullable<ReturnType<Network["listener"]>>): void {
    if (this.#closed) return;
    const everyMs = this.#options["grpc.keepalive_time_ms"];
    const timeoutMs = this.#options["grpc.keepalive_timeout_ms"];
    const keepalive =
      everyMs === undefined
        ? undefined
        : { everyUs: everyMs * 1000, timeoutUs: (timeoutMs ?? 20_000) * 1000 };
    const connection = new Connection(
      this.#network,
      { client: this.#process, serverProcess: listener.process, server: listener.server },
      keepalive,
      () => {
        if (this.#state.kind === "ready" && this.#state.connection === connection)
          this.#state = { kind: "idle" };
      },
    );
    this.#state = { kind: "ready", connection };
    const queued = this.#queued;
    this.#queued = [];
    const { clock } = this.#process;
    for (const call of queued) {
      const { deadlineMs } = call.method;
      if (!call.over)
        call.start(connection, deadlineMs === Infinity ? Infinity : deadlineMs - clock.wallMs());
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const ready of waiting) ready();
  }

  #fail(why: string): void {
    const reason = `No connection established: ${this.#address}: ${why}`;
    this.#state = { kind: "failed", reason };
    const queued = this.#queued;
    this.#queued = [];
    for (const call of queued) call.lost(reason);
    const backoffMs = this.#options["grpc.initial_reconnect_backoff_ms"] ?? 1000;
    this.#process.later(backoffMs * 1000, "backoff", () => {
      this.#state = { kind: "idle" };
      if (this.#waiting.length > 0) this.#connect();
    });
  }
}

type UnaryDone = (error: ServiceError | null, answer?: unknown) => void;

/** The channel as the product sees it. */
export class SimChannel {
  readonly #caller: Caller;
  readonly #address: string;

  constructor(network: Network, process: SimProcess, address: string, options: ChannelOptions) {
    this.#address = address;
    this.#caller = new Caller(network, process, address, options);
  }

  /** The port. grpc-js's overloads say less than these four methods do. */
  asChannel(): Channel {
    return this as unknown as Channel;
  }

  makeUnaryRequest(
    path: string,
    serialize: CallMethod["serialize"],
    deserialize: CallMethod["deserialize"],
    request: unknown,
    ...rest: unknown[]
  ): { cancel(): void; getPeer(): string } {
    const done = rest.at(-1) as UnaryDone;
    let answer: unknown;
    const call = new ClientCall(
      methodOf(path, serialize, deserialize, rest, { request, streamsRequests: false }),
      {
        message: (message) => {
          answer = message;
          return true;
        },
        ended: (result: CallStatus) => {
          if (result.code === status.OK) done(null, answer);
          else done(errorOf(result) as ServiceError);
        },
      },
    );
    this.#caller.call(call);
    return {
      cancel: () => call.cancel(status.CANCELLED, "Cancelled on client"),
      getPeer: () => (call.started ? this.#address : `elastic-kv:${this.#address}`),
    };
  }

  makeBidiStreamRequest(
    path: string,
    serialize: CallMethod["serialize"],
    deserialize: CallMethod["deserialize"],
    ...rest: unknown[]
  ): ClientStream {
    const stream = new ClientStream(
      methodOf(path, serialize, deserialize, rest, { request: undefined, streamsRequests: true }),
    );
    this.#caller.call(stream.call);
    return stream;
  }

  makeServerStreamRequest(
    path: string,
    serialize: CallMethod["serialize"],
    deserialize: CallMethod["deserialize"],
    request: unknown,
    ...rest: unknown[]
  ): ClientStream {
    const stream = new ClientStream(
      methodOf(path, serialize, deserialize, rest, { request, streamsRequests: false }),
    );
    this.#caller.call(stream.call);
    return stream;
  }

  waitForReady(deadline: number | Date, done: (error?: Error) => void): void {
    this.#caller.waitForReady(deadline instanceof Date ? deadline.getTime() : deadline, done);
  }

  close(): void {
    this.#caller.close();
  }
}

function methodOf(
  path: string,
  serialize: CallMethod["serialize"],
  deserialize: CallMethod["deserialize"],
  rest: readonly unknown[],
  request: Pick<CallMethod, "request" | "streamsRequests">,
): CallMethod {
  const metadata = rest.find((item) => item instanceof Metadata) ?? new Metadata();
  const options = rest.find(
    (item): item is { readonly deadline?: number } =>
      typeof item === "object" && item !== null && !(item instanceof Metadata),
  );
  return { path, serialize, deserialize, metadata, deadlineMs: options?.deadline ?? Infinity, ...request };
}
