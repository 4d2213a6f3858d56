import { EkvError, isDiskRefusal } from "../core/errors.js";
import type { StoreId } from "../core/ids.js";
import type { CommittedView } from "../core/master/state/committed-view.js";
import type { MasterEffect, MasterReply, Notice } from "../core/master/effects.js";
import type { AdminRequest, MasterEvent, Registration } from "../core/master/events.js";
import type { MasterMachine } from "../core/master/machine.js";
import { backoffs, limits } from "../core/limits.js";
import type { Clock, Timer } from "../core/ports/clock.js";
import type { Launcher } from "../core/ports/launcher.js";
import type { MetadataChange, MetadataStore } from "../core/ports/metadata-store.js";
import type { Random } from "../core/ports/random.js";
import { Backoff } from "../core/retry/backoff.js";
import type { StoreEndpoint } from "../core/topology.js";
import type { Logger } from "../runtime/log.js";
import type { TopologyFeed } from "../runtime/topology-feed.js";
import type { HeartbeatStreams } from "./heartbeat-streams.js";
import type { OperationFeed } from "./operation-feed.js";
import { Relaunches } from "./relaunches.js";

/** What a driver works with. */
export interface DriverOptions {
  readonly machine: MasterMachine;
  /** Why nothing can be recorded, when that is so from the start. */
  readonly full: EkvError | undefined;
  /**
   * The machine as it was committed last. With `newTerm` under a term that no machine had before, which is committed first;
   * rejects as {@link isDiskRefusal} says while the disk does not take that.
   */
  readonly restore: (newTerm: boolean) => Promise<MasterMachine>;
  readonly metadata: MetadataStore;
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly feed: TopologyFeed;
  readonly operationFeed: OperationFeed;
  readonly streams: HeartbeatStreams;
  readonly monitorIntervalMs: number;
  /** Whether a store answers at its address. */
  readonly probe: (store: Pick<StoreEndpoint, "storeId" | "address">) => Promise<boolean>;
  /** The master cannot go on: a commit failed for another reason than a full disk, or a bug showed. It must end; a restart goes on from what is committed. */
  readonly onFatal: (error: unknown) => void;
}

/** The driver can record nothing. */
interface Suspension {
  readonly cause: EkvError;
  readonly sinceWallMs: number;
}

/**
 * Carries events to the machine and its effects out. While a commit is in flight further events are stepped in memory,
 * and their changes share the next commit; effects wait for theirs, in order.
 *
 * When the disk is full the driver is suspended: it takes the machine back to what is committed, refuses what has to be
 * recorded, and answers readers. Once a new term can be committed it goes on as a master that was started anew.
 */
export class Driver {
  #machine: MasterMachine;
  #view: CommittedView;
  #suspension: Suspension | undefined;
  readonly #resumeBackoff: Backoff;
  readonly #options: DriverOptions;
  readonly #requests = new Map<number, (reply: MasterReply) => void>();
  readonly #background = new Set<Promise<void>>();
  #lastRequestId = 0;
  /** In the last form of each key. */
  #changes = new Map<string, MetadataChange>();
  #effects: MasterEffect[] = [];
  #pumping: Promise<void> | undefined;
  #tick: Timer | undefined;
  #tickAtMs = Infinity;
  readonly #launcherBackoff: Backoff;
  readonly #relaunches: Relaunches;
  #stopped = false;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#launcherBackoff = new Backoff(backoffs.launcherQuery, options.random);
    this.#resumeBackoff = new Backoff(backoffs.fullMetadata, options.random);
    this.#relaunches = new Relaunches({
      ...options,
      isWanted: (storeId) => !this.#stopped && this.#machine.isLaunchWanted(storeId),
      launch: (storeId) => this.#inBackground("launched", storeId, options.launcher.launch(storeId)),
    });
    this.#machine = options.machine;
    this.#view = options.machine.committedView();
    options.feed.publish(this.view.topology);
  }

  /** What is committed. Another one after a suspension. */
  get view(): CommittedView {
    return this.#view;
  }

  /** For what is known of stores besides what is committed: load, sizes, problems. Another one after a suspension. */
  get machine(): MasterMachine {
    return this.#machine;
  }

  /** What is wrong at the master, for operators, one sentence each. */
  problems(): readonly string[] {
    if (this.#suspension === undefined) return [];
    const { cause, sinceWallMs } = this.#suspension;
    return [`the master records no decisions since ${new Date(sinceWallMs).toISOString()}: ${cause.message}`];
  }

  /** Begins to watch time, and launches what should run. */
  async start(): Promise<void> {
    if (this.#options.full !== undefined) return this.#suspend(this.#options.full);
    await this.#goOn();
  }

  async #goOn(): Promise<void> {
    this.#scheduleTick();
    if (this.#options.launcher.name === "none") return;
    await this.#askWhatRuns();
  }

  /** A launcher that cannot tell, for its engine is away, is asked again: the master does the rest of its work meanwhile. */
  async #askWhatRuns(): Promise<void> {
    const { launcher, log, clock } = this.#options;
    try {
      const stores = await launcher.list();
      const running = stores.filter((store) => store.running).map(({ storeId }) => storeId);
      this.submit({ kind: "launcher-listed", running });
    } catch (error) {
      if (this.#stopped) return;
      const reason = error instanceof Error ? error.message : String(error);
      log.warn("it is not known yet which launched stores run", { reason });
      clock.setTimer(this.#launcherBackoff.failed(), () => this.#track(this.#askWhatRuns()));
    }
  }

  /** Steps the machine. Its changes are committed, and its effects performed, in the order of the calls. */
  submit(event: MasterEvent): void {
    if (this.#stopped) return;
    if (this.#suspension !== undefined) return this.#observe(event);
    const { clock } = this.#options;
    try {
      const step = this.#machine.step(event, clock.nowMs(), clock.wallMs());
      for (const change of step.changes) {
        this.#changes.delete(change.key);
        this.#changes.set(change.key, change);
      }
      for (const effect of step.effects) this.#effects.push(effect);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#pumping ??= this.#pump();
    this.#scheduleTick();
  }

  /** Registers a store. Throws what the machine refuses it with. */
  async register(registration: Registration): Promise<MasterReply> {
    const known = this.#suspension && this.#machine.recognize(registration);
    if (known !== undefined) return { kind: "registered", incarnation: known };
    return await this.#request((requestId) => ({ kind: "register", requestId, registration }));
  }

  /** Carries out an operator's request. Throws what the machine refuses it with. */
  administer(request: AdminRequest): Promise<MasterReply> {
    return this.#request((requestId) => ({ kind: "admin", requestId, request }));
  }

  /**
   * Has the launcher start a member that is down, and returns what an operator would look for; empty: it is up. Rejects with
   * what the launcher says.
   */
  async startStore(storeId: StoreId): Promise<string> {
    const refusal = this.#machine.startRefusal(storeId);
    if (refusal !== undefined) throw refusal;
    if (this.view.topology.stores.some((store) => store.storeId === storeId && store.alive)) return "";
    const launch = this.#options.launcher.launch(storeId);
    this.#inBackground("launched", storeId, launch);
    return (await launch).handle;
  }

  /** Takes no more events; resolves when everything committed is performed and nothing is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#tick?.cancel();
    await this.#pumping;
    await Promise.all(this.#background);
    this.#refuseAll(new EkvError("UNAVAILABLE", "the master is stopping"));
  }

  async #request(eventOf: (requestId: number) => MasterEvent): Promise<MasterReply> {
    if (this.#stopped) throw new EkvError("UNAVAILABLE", "the master is stopping", { notExecuted: true });
    if (this.#suspension !== undefined) throw notRecorded(this.#suspension.cause);
    if (this.#requests.size >= limits.masterRequestsWaitingMax) {
      throw new EkvError(
        "RESOURCE_EXHAUSTED",
        `${limits.masterRequestsWaitingMax} requests wait for the disk; try again later`,
        {
          notExecuted: true,
        },
      );
    }
    this.#lastRequestId += 1;
    const requestId = this.#lastRequestId;
    const reply = await new Promise<MasterReply>((resolve) => {
      this.#requests.set(requestId, resolve);
      this.submit(eventOf(requestId));
    });
    if (reply.kind === "refused") throw reply.error;
    return reply;
  }

  async #pump(): Promise<void> {
    // Events of one turn share the first commit too.
    await Promise.resolve();
    while (this.#changes.size > 0 || this.#effects.length > 0) {
      const changes = [...this.#changes.values()];
      const effects = this.#effects;
      this.#changes = new Map();
      this.#effects = [];
      try {
        if (changes.length > 0) await this.#options.metadata.commit(changes);
      } catch (error) {
        this.#pumping = undefined;
        if (isDiskRefusal(error)) this.#suspend(error);
        else this.#fail(error);
        return;
      }
      try {
        this.#perform(effects);
      } catch (error) {
        this.#fail(error);
        return;
      }
    }
    this.#pumping = undefined;
  }

  /** Nothing of what was not committed has happened: whoever waits for it hears so, and the machine forgets it. */
  #suspend(cause: EkvError): void {
    if (this.#stopped) return;
    const { clock, log } = this.#options;
    log.error("the master cannot record decisions; it answers readers, and goes on when it can", {
      reason: cause.message,
    });
    this.#suspension = { cause, sinceWallMs: clock.wallMs() };
    this.#changes = new Map();
    this.#effects = [];
    this.#tick?.cancel();
    this.#tick = undefined;
    this.#refuseAll(notRecorded(cause));
    this.#track(this.#install(false).then(() => this.#awaitRoom()));
  }

  /** Takes up the machine as it is committed. */
  async #install(newTerm: boolean): Promise<void> {
    try {
      const machine = await this.#options.restore(newTerm);
      if (this.#stopped) return;
      this.#machine = machine;
      this.#view = machine.committedView();
      if (newTerm) this.#suspension = undefined;
    } catch (error) {
      if (!isDiskRefusal(error)) this.#fail(error);
    }
  }

  /** Tries again and again to commit a new term; then goes on. */
  #awaitRoom(): void {
    if (this.#stopped) return;
    const { clock, log, feed, streams } = this.#options;
    this.#tick = clock.setTimer(this.#resumeBackoff.failed(), () => {
      this.#tick = undefined;
      this.#observe({ kind: "tick" });
      this.#track(
        this.#install(true).then(async () => {
          if (this.#stopped) return;
          if (this.#suspension !== undefined) return this.#awaitRoom();
          this.#resumeBackoff.succeeded();
          log.info("the master records decisions again", { term: this.view.topology.term });
          feed.publish(this.view.topology);
          // The machine knows no stream: each store opens another one, as it does after a restart of the master.
          streams.endAll();
          await this.#goOn();
        }),
      );
    });
  }

  /** Takes of an event what need not be recorded. */
  #observe(event: MasterEvent): void {
    const { clock, streams } = this.#options;
    const refusal = this.#machine.observe(event, clock.nowMs(), clock.wallMs());
    if (event.kind !== "stream-opened") return;
    if (refusal) return streams.end(event.streamId, refusal);
    streams.open(event.streamId);
    streams.flush(this.view.topology);
  }

  #perform(effects: readonly MasterEffect[]): void {
    const { feed, streams } = this.#options;
    const before = this.view.topology;
    for (const effect of effects) this.#performOne(effect);
    if (this.view.topology !== before) feed.publish(this.view.topology);
    streams.flush(this.view.topology);
  }

  #performOne(effect: MasterEffect): void {
    const { streams, operationFeed, launcher } = this.#options;
    switch (effect.kind) {
      case "publish":
        return this.view.publish(effect.delta);
      case "operations-changed":
        return operationFeed.changed(this.view.changeOperations(effect.change));
      case "reply": {
        const resolve = this.#requests.get(effect.requestId);
        this.#requests.delete(effect.requestId);
        resolve?.(effect.reply);
        return;
      }
      case "open-stream":
        return streams.open(effect.streamId);
      case "end-stream":
        return streams.end(effect.streamId, effect.error);
      case "send":
        return streams.send(effect.streamId, effect.directive);
      case "launch":
        return this.#inBackground("launched", effect.storeId, launcher.launch(effect.storeId));
      case "remove-launched":
        return this.#inBackground(
          "launched-removed",
          effect.storeId,
          launcher.remove(effect.storeId, effect.purge),
        );
      case "probe":
        return this.#probe(effect);
      case "notice":
        return this.#log(effect.notice);
    }
  }

  #inBackground(kind: "launched" | "launched-removed", storeId: StoreId, work: Promise<unknown>): void {
    const ended = (error: EkvError | undefined): void => {
      this.submit({ kind, storeId, error });
      if (kind === "launched") this.#relaunches.ended(storeId, error !== undefined);
    };
    this.#track(
      work.then(
        () => ended(undefined),
        (cause: unknown) =>
          ended(cause instanceof EkvError ? cause : new EkvError("INTERNAL", String(cause), { cause })),
      ),
    );
  }

  #probe({ storeId, incarnation, address }: Extract<MasterEffect, { kind: "probe" }>): void {
    this.#track(
      this.#options
        .probe({ storeId, address })
        .then((reachable) => this.submit({ kind: "probed", storeId, incarnation, reachable })),
    );
  }

  #track(work: Promise<void>): void {
    this.#background.add(work);
    void work.finally(() => this.#background.delete(work));
  }

  #log({ level, message, fields }: Notice): void {
    this.#options.log[level](message, fields);
  }

  /** One timer: the next periodic look, or an earlier one that the machine asks for. */
  #scheduleTick(): void {
    if (this.#stopped) return;
    const { clock, monitorIntervalMs } = this.#options;
    const nowMs = clock.nowMs();
    const periodicMs = this.#tick === undefined ? nowMs + monitorIntervalMs : this.#tickAtMs;
    const dueMs = Math.min(periodicMs, this.#machine.wakeAtMs ?? Infinity);
    if (this.#tick !== undefined && dueMs >= this.#tickAtMs) return;
    this.#tick?.cancel();
    this.#tickAtMs = dueMs;
    this.#tick = clock.setTimer(Math.max(0, dueMs - nowMs), () => {
      this.#tick = undefined;
      this.submit({ kind: "tick" });
    });
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#tick?.cancel();
    this.#options.log.error("the master cannot go on", { error });
    this.#refuseAll(
      new EkvError("OUTCOME_UNKNOWN", "the master failed before this was known to be recorded"),
    );
    this.#options.onFatal(error);
  }

  #refuseAll(error: EkvError): void {
    for (const resolve of this.#requests.values()) resolve({ kind: "refused", error });
    this.#requests.clear();
  }
}

function notRecorded(cause: EkvError): EkvError {
  return new EkvError(cause.code, `the master cannot record this, so nothing was changed: ${cause.message}`, {
    notExecuted: true,
    cause,
  });
}
