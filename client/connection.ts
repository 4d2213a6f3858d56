import { EkvError } from "../services/core/errors.js";
import { limits } from "../services/core/limits.js";
import type { Clock } from "../services/core/ports/clock.js";
import type { Random } from "../services/core/ports/random.js";
import type { PartitionEntry, StoreEndpoint, Topology, TopologyDelta } from "../services/core/topology.js";
import { CallKind } from "../services/gen/elastickv/v1/store.js";
import { AbortWatch } from "../services/wire/abort-watch.js";
import { Admission } from "./admission.js";
import { Deadlines } from "./deadlines.js";
import type { ClientStats, ConnectOptions } from "./options.js";
import type { PendingCall } from "./pending-call.js";
import { describeFailures, type SeedFailure } from "./seed-failure.js";
import { decideRetry, type Miss, RoutingTable } from "./routing.js";
import { StoreLink, type StoreLinkListener } from "./store-link.js";
import { system, type System } from "./system.js";
import { TopologyListener } from "./topology-listener.js";
import { TopologyWatch, type TopologyWatchListener } from "./topology-watch.js";

/** Defaults of {@link ConnectOptions}. */
const connectDefaults = {
  deadlineMs: 10_000,
  connectTimeoutMs: 10_000,
  refusedTimeoutMs: 1000,
  callsInFlightMax: 100_000,
} as const;

function isWrite({ sort: { kind } }: PendingCall): boolean {
  return kind === CallKind.PUT || kind === CallKind.DELETE;
}

/** What all clients of one `connect` share: the routing table, a link to each store, and every call in flight. */
export class Connection implements StoreLinkListener, TopologyWatchListener {
  readonly clock: Clock;
  readonly random: Random;
  readonly valueBytesMax: number;
  readonly deadlineMs: number;
  /** Of the calls that bulk calls consist of. */
  readonly admission: Admission;
  readonly #options: ConnectOptions<never> | ConnectOptions<unknown>;
  readonly #callsInFlightMax: number;
  readonly #system: System;
  readonly #clientId: string;
  readonly #deadlines: Deadlines;
  readonly #listener: TopologyListener;
  readonly #links = new Map<string, StoreLink>();
  readonly #watch: TopologyWatch;
  /** Calls that nobody can take at the moment; tried again at every news. */
  readonly #waiting = new Set<PendingCall>();
  /** What calls that are to be repeated were refused with last. */
  readonly #refusals = new WeakMap<PendingCall, EkvError>();
  #routing: RoutingTable | undefined;
  /** Ends each scan that runs. */
  readonly #scans = new Set<() => void>();
  #bulkCalls = 0;
  /** Resolves `open`. */
  #found: (() => void) | undefined;
  /** Rejects `open`. */
  #lost: (() => void) | undefined;
  #refusedTimeIsUp = false;
  #drained: (() => void) | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;
  /** Of the last search for a server that knows the topology. */
  #seedFailures: readonly SeedFailure[] = [];
  #calls = 0;
  #failures = 0;
  #retries = 0;
  #redirects = 0;

  constructor(options: ConnectOptions<unknown>, world: System = system) {
    const { clock, random, openChannel } = world;
    this.clock = clock;
    this.random = random;
    this.#system = world;
    this.#clientId = random.hex(8);
    this.#options = options;
    this.deadlineMs = options.deadlineMs ?? connectDefaults.deadlineMs;
    this.valueBytesMax = options.valueBytesMax ?? limits.valueBytesCeiling;
    this.#callsInFlightMax = options.callsInFlightMax ?? connectDefaults.callsInFlightMax;
    this.admission = new Admission(
      this.#callsInFlightMax,
      () => this.#deadlines.size < this.#callsInFlightMax,
    );
    this.#deadlines = new Deadlines(this.clock, (call) => this.#expire(call));
    this.#listener = new TopologyListener(options.onTopology);
    this.#watch = new TopologyWatch({
      candidates: () => [...new Set([...options.seeds, ...(this.#routing?.addresses() ?? [])])],
      clock: this.clock,
      random: this.random,
      openChannel,
      clusterId: () => this.#routing?.topology.clusterId ?? "",
      findRefusal: world.findRefusal,
      listener: this,
    });
  }

  /** Resolves when a topology is known. Rejects with UNAVAILABLE when none is in time, soon if every seed refuses. */
  open(): Promise<void> {
    const {
      connectTimeoutMs = connectDefaults.connectTimeoutMs,
      refusedTimeoutMs = connectDefaults.refusedTimeoutMs,
    } = this.#options;
    const startedMs = this.clock.nowMs();
    return new Promise((resolve, reject) => {
      const timers = [
        this.clock.setTimer(connectTimeoutMs, () => this.#lost?.()),
        this.clock.setTimer(refusedTimeoutMs, () => {
          this.#refusedTimeIsUp = true;
          this.#giveUpIfRefused();
        }),
      ];
      const settled = (): void => {
        this.#found = undefined;
        this.#lost = undefined;
        for (const timer of timers) timer.cancel();
      };
      this.#found = () => {
        settled();
        resolve();
      };
      this.#lost = () => {
        settled();
        this.#watch.close();
        reject(this.#noSeed(Math.round(this.clock.nowMs() - startedMs)));
      };
      this.#watch.start();
    });
  }

  /** Calls `onTopology` from now on: first with what is known, once the present turn is over. */
  announce(): void {
    this.clock.endOfTurn(() => {
      if (!this.#closed) this.#listener.begin(() => this.routing.topology);
    });
  }

  #noSeed(waitedMs: number): EkvError {
    const failures = this.#seedFailures;
    const reasons =
      failures.length > 0 ? describeFailures(failures) : `no answer from ${this.#options.seeds.join(", ")}`;
    const message = `no server sent the topology within ${waitedMs} ms (${reasons})`;
    return new EkvError("UNAVAILABLE", message, { notExecuted: true, cause: failures[0]?.reason });
  }

  get routing(): RoutingTable {
    if (this.#routing === undefined) throw new EkvError("UNAVAILABLE", "the topology is not known yet");
    return this.#routing;
  }

  get closed(): boolean {
    return this.#closed;
  }

  stats(): ClientStats {
    return {
      calls: this.#calls,
      failures: this.#failures,
      retries: this.#retries,
      redirects: this.#redirects,
      inFlight: this.#deadlines.size,
    };
  }

  /** Takes a call on its way. */
  submit(call: PendingCall, timeoutMs: number, signal: AbortSignal | undefined): void {
    const refusal = this.#refusal();
    if (refusal === undefined) return this.submitAdmitted(call, timeoutMs, signal);
    this.#calls += 1;
    this.#failures += 1;
    call.fail(refusal);
  }

  /** Takes a call on its way for which {@link admission} found room. */
  submitAdmitted(call: PendingCall, timeoutMs: number, signal: AbortSignal | undefined): void {
    this.#calls += 1;
    if (signal?.aborted === true) {
      this.#failures += 1;
      return call.fail(cancelled(signal));
    }
    call.timeoutMs = timeoutMs;
    // Whole, so that it takes no memory of its own.
    call.deadlineMs = Math.ceil(this.clock.nowMs() + timeoutMs);
    this.#deadlines.add(call);
    if (signal) call.abortWatch = new AbortWatch(signal, () => this.#abort(call, signal));
    this.#route(call);
  }

  /** A bulk call begins: {@link close} waits for its end. */
  beginBulk(): void {
    this.#bulkCalls += 1;
  }

  endBulk(): void {
    this.#bulkCalls -= 1;
    this.#drainedIfIdle();
  }

  /** A scan waits; `end` is called when the client is closed. Returns what to call when it does not wait any longer. */
  beginScan(end: () => void): () => void {
    this.#scans.add(end);
    return () => void this.#scans.delete(end);
  }

  /** The link to a store at its present address, made if need be. */
  link(endpoint: StoreEndpoint): StoreLink {
    const { storeId, address } = endpoint;
    const known = this.#links.get(storeId);
    if (known?.address === address) return known;
    known?.retire();
    const link = new StoreLink({
      endpoint,
      store: { clusterId: this.routing.topology.clusterId, storeId },
      clientId: this.#clientId,
      clock: this.clock,
      random: this.random,
      openChannel: this.#system.openChannel,
      openPipeline: this.#system.openPipeline,
      listener: this,
    });
    this.#links.set(storeId, link);
    return link;
  }

  /** Refuses new calls, ends scans, waits for calls in flight, and closes every connection. Once, however often asked. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    this.#closed = true;
    for (const end of this.#scans) end();
    if (this.#deadlines.size > 0 || this.#bulkCalls > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    this.#lost?.();
    this.#watch.close();
    this.#deadlines.close();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  answered(call: PendingCall, result: unknown): void {
    if (call.done) return;
    if (call.attempts > 0 && this.#refusals.has(call)) this.#accepted(call);
    this.#end(call);
    call.resolve(result);
  }

  refused(call: PendingCall, error: EkvError): void {
    const known = this.routing.entry(call.partition);
    const { code, notExecuted, retryAfterMs } = error;
    // A MOVED answer came with its entry, adopted already: it taught something if the key is elsewhere now.
    const learnt =
      code === "MOVED" && known !== undefined && this.routing.addressOf(call.partition) !== call.waitsFor;
    this.#missed(call, { kind: "refused", code, notExecuted, retryAfterMs, learnt }, error);
  }

  lost(calls: readonly PendingCall[], reason: EkvError): void {
    for (const call of calls) this.#missed(call, { kind: "lost", sent: call.sent }, reason);
  }

  repeat(calls: readonly PendingCall[]): void {
    for (const call of calls) this.#route(call);
  }

  moved(entry: PartitionEntry): void {
    if (this.routing.adopt(entry)) this.#topologyChanged();
    // A store that the watch has never told of: the connection may be half-open, or its server cut off.
    if (entry.primary && this.routing.addressOf(entry.partition) === undefined) this.#watch.renew();
  }

  misdirected(): void {
    // The server that is watched should have told of it: another may know more.
    this.#watch.renew();
  }

  snapshot(topology: Topology): boolean {
    if (this.#routing === undefined) this.#routing = new RoutingTable(topology);
    else if (!this.#routing.applySnapshot(topology)) return false;
    this.#found?.();
    this.#topologyChanged();
    return true;
  }

  delta(delta: TopologyDelta): void {
    this.routing.applyDelta(delta);
    this.#topologyChanged();
  }

  failed(failures: readonly SeedFailure[]): void {
    this.#seedFailures = failures;
    if (this.#refusedTimeIsUp) this.#giveUpIfRefused();
  }

  #giveUpIfRefused(): void {
    const everyoneRefuses =
      this.#seedFailures.length > 0 && this.#seedFailures.every(({ refusal }) => refusal !== undefined);
    if (everyoneRefuses) this.#lost?.();
  }

  #refusal(): EkvError | undefined {
    if (this.#closed) return closedError();
    if (this.#deadlines.size < this.#callsInFlightMax) return undefined;
    const message = `${this.#callsInFlightMax} calls are in flight; wait for some to end, or raise callsInFlightMax`;
    return new EkvError("RESOURCE_EXHAUSTED", message, { notExecuted: true });
  }

  #route(call: PendingCall): void {
    if (call.done) return;
    const store = this.routing.ownerOf(call.partition);
    if (store === undefined) {
      call.waitsFor = "";
      this.#waiting.add(call);
      return;
    }
    call.waitsFor = store.address;
    this.link(store).enqueue(call);
  }

  #missed(call: PendingCall, miss: Miss, error: EkvError): void {
    if (call.done) return;
    const decision = decideRetry(isWrite(call), miss);
    if (decision === "fail") return this.#fail(call, error);
    if (decision === "outcome-unknown") return this.#fail(call, outcomeUnknown(error.message, error));
    call.sent = false;
    call.attempts += 1;
    this.#retries += 1;
    if (miss.kind === "refused" && miss.code === "MOVED") this.#redirects += 1;
    if (decision === "route-again") return this.#route(call);
    this.#refusals.set(call, error);
    const owner = this.routing.ownerOf(call.partition);
    // A link whose stream broke waits by itself, and another store has refused nothing.
    if (miss.kind === "lost" || owner?.address !== call.waitsFor) return this.#route(call);
    this.link(owner).hold(call, error.retryAfterMs);
  }

  /** A store answers a call that it, or another, had refused. */
  #accepted({ partition, waitsFor }: PendingCall): void {
    const owner = this.routing.ownerOf(partition);
    if (owner?.address === waitsFor) this.#links.get(owner.storeId)?.accepted();
  }

  #topologyChanged(): void {
    const { routing } = this;
    const unrouted = [[...this.#waiting]];
    this.#waiting.clear();
    for (const [storeId, link] of this.#links) {
      // What waits for a store that is out of reach need not, once its key is elsewhere.
      const isElsewhere = (store: StoreEndpoint | undefined): boolean =>
        store?.storeId !== storeId || store.address !== link.address;
      unrouted.push(link.recall(({ partition }) => isElsewhere(routing.ownerOf(partition))));
      const store = routing.store(storeId);
      if (store?.address === link.address) {
        link.describe(store);
        continue;
      }
      this.#links.delete(storeId);
      link.retire();
    }
    for (const calls of unrouted) for (const call of calls) this.#route(call);
    this.#listener.changed(() => this.routing.topology);
  }

  #expire(call: PendingCall): void {
    if (call.sent && isWrite(call)) {
      return this.#fail(call, outcomeUnknown(`no answer from ${call.waitsFor} within ${call.timeoutMs} ms`));
    }
    const owner = this.routing.ownerOf(call.partition);
    const cause = this.#refusals.get(call) ?? (owner && this.#links.get(owner.storeId)?.trouble);
    const what = call.waitsFor === "" ? `nobody serves partition ${call.partition}` : cause?.message;
    const attempts = call.attempts > 0 ? `, in ${call.attempts + 1} attempts` : "";
    const message = `after ${call.timeoutMs} ms: ${what ?? `${call.waitsFor} did not answer`}${attempts}`;
    this.#fail(call, new EkvError("DEADLINE_EXCEEDED", message, { notExecuted: !call.sent, cause }));
  }

  #abort(call: PendingCall, signal: AbortSignal): void {
    if (call.done) return;
    const isUnknown = call.sent && isWrite(call);
    this.#fail(call, isUnknown ? outcomeUnknown("the caller gave up", signal.reason) : cancelled(signal));
  }

  #fail(call: PendingCall, error: EkvError): void {
    if (call.done) return;
    this.#failures += 1;
    this.#end(call);
    call.fail(error);
  }

  #end(call: PendingCall): void {
    call.done = true;
    this.#deadlines.remove(call);
    this.#waiting.delete(call);
    call.abortWatch?.stop();
    this.admission.admit();
    this.#drainedIfIdle();
  }

  #drainedIfIdle(): void {
    if (this.#drained && this.#deadlines.size === 0 && this.#bulkCalls === 0) this.#drained();
  }
}

/** The caller gave up by its signal, whose reason is the cause. */
export function cancelled(signal: AbortSignal | undefined): EkvError {
  const message = "the caller gave up before anything was executed";
  return new EkvError("CANCELLED", message, { notExecuted: true, cause: signal?.reason });
}

export function closedError(): EkvError {
  return new EkvError("FAILED_PRECONDITION", "the client is closed", { notExecuted: true });
}

function outcomeUnknown(reason: string, cause?: unknown): EkvError {
  return new EkvError(
    "OUTCOME_UNKNOWN",
    `the write may or may not have happened (${reason}); read before writing again`,
    { cause },
  );
}
