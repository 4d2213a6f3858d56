import { lstatSync } from "node:fs";
import { rm } from "node:fs/promises";
import { EkvError } from "../../core/errors.js";
import type { StoreId } from "../../core/ids.js";
import { backoffs } from "../../core/limits.js";
import type { LaunchedStore } from "../../core/ports/launcher.js";
import type { Clock, Timer } from "../../core/ports/clock.js";
import type { Random } from "../../core/ports/random.js";
import { Backoff } from "../../core/retry/backoff.js";
import type { Logger } from "../../runtime/log.js";
import { isRunning } from "../../runtime/process-identity.js";
import {
  type ChildExit,
  type ChildRun,
  adoptProcess,
  endProcess,
  logTail,
  startChild,
  untilListening,
} from "./child-run.js";
import { RetriedWrite } from "../../runtime/retried-write.js";
import { type ProcessRecord, deleteProcessRecord, writeProcessRecord } from "./process-record.js";
import { findStorePort } from "./store-port.js";

const healthyMs = 30_000;
const startWaitMs = 10_000;

/** Where a launcher tells an operator what it did. */
export type LauncherLog = Pick<Logger, "info" | "warn">;

/** What a store's process is started with. */
export interface StoreProcessOptions {
  readonly storeId: StoreId;
  /** Arguments of `node`, but for the port. */
  readonly args: readonly string[];
  readonly folder: string;
  readonly logPath: string;
  readonly host: string;
  /** The port to begin with, or the next one that is free; 0: any. */
  readonly firstPort: number;
  /** Ports that other stores have. */
  readonly reservedPorts: () => ReadonlySet<number>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: LauncherLog;
}

/** One store's process: started, watched, started again when it dies, stopped. Its calls run one after the other. */
export class StoreProcess {
  readonly #options: StoreProcessOptions;
  #run: ChildRun | undefined;
  #port: number;
  readonly #backoff: Backoff;
  /** Undefined: no process is to be found by the next master. */
  readonly #record: RetriedWrite<ProcessRecord | undefined>;
  #restart: Timer | undefined;
  #abandoned = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: StoreProcessOptions) {
    this.#options = options;
    this.#port = options.firstPort;
    this.#backoff = new Backoff(backoffs.storeRestart, options.random);
    const { storeId, folder, clock, random, log } = options;
    this.#record = new RetriedWrite({
      write: (record) => (record ? writeProcessRecord(folder, record) : deleteProcessRecord(folder)),
      clock,
      random,
      onFailure: (error) =>
        log.warn("which process runs a store cannot be recorded yet", { storeId, reason: error.message }),
    });
  }

  /** What it listens on, or did; 0: it has no port yet. */
  get port(): number {
    return this.#port;
  }

  /** What a {@link LaunchedStore} says about it. */
  describe(): LaunchedStore {
    const run = this.#run;
    const running = run !== undefined && isRunning(run.pid, run.startTime);
    return {
      storeId: this.#options.storeId,
      running,
      handle: running ? `pid ${run.pid}` : this.#idleState(),
    };
  }

  /** What is wrong with it, for operators; undefined: nothing. */
  problem(): string | undefined {
    const { storeId } = this.#options;
    const reason = this.#record.problem;
    return reason === undefined
      ? undefined
      : `the process of ${storeId} is not recorded, so another master would not find it: ${reason}`;
  }

  /** Takes over what a former master started; a process that died meanwhile is started again. */
  adopt(record: ProcessRecord): void {
    this.#port = record.port ?? this.#port;
    if (record.stopped) return;
    this.#watch(adoptProcess(record.pid, record.startTime, this.#options.clock));
  }

  /**
   * Starts the process unless it runs. Resolves when it listens, or has lived for 10 s. Rejects with
   * `FAILED_PRECONDITION`, with the last lines of its log, when it exits before that; then it is not started again.
   */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.describe().running) return;
      this.#forget();
      const { folder, host, clock } = this.#options;
      // A link to a disk that is not there is the operator's, and stays.
      const isNew = lstatSync(folder, { throwIfNoEntry: false }) === undefined;
      const run = await this.#spawn();
      const waiting = new AbortController();
      const exit = await Promise.race([
        run.exited,
        untilListening(host, this.#port, startWaitMs, clock, waiting.signal),
      ]);
      waiting.abort();
      if (exit !== undefined) {
        await (isNew ? this.#record.set(undefined) : this.#recordRun(run, true));
        if (isNew) await rm(folder, { recursive: true, force: true });
        throw await this.#exitedAtOnce(exit, run.logStart);
      }
      this.#watch(run);
    });
  }

  /** Ends the process, if it runs, for good; its folder stays. With `keepRecord` it is still listed, as stopped. */
  stop(keepRecord: boolean): Promise<void> {
    return this.#inTurn(async () => {
      const run = this.#run;
      this.#forget();
      if (run !== undefined) await endProcess(run, this.#options.clock);
      if (!keepRecord) await this.#record.set(undefined);
      else if (run !== undefined) await this.#recordRun(run, true);
    });
  }

  /** Leaves the process alone from now on. */
  abandon(): Promise<void> {
    this.#abandoned = true;
    // In turn: a process that is being started is to be recorded still.
    return this.#inTurn(async () => {
      this.#forget();
      this.#record.close();
    });
  }

  /** A process that is gone counts as stopped only once its exit was dealt with: until then it may be started again. */
  #idleState(): string {
    if (this.#run !== undefined) return "ending";
    return this.#restart ? "restarting" : "stopped";
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined); // Its caller hears of it.
    return result;
  }

  #forget(): void {
    this.#run?.unwatch();
    this.#run = undefined;
    this.#restart?.cancel();
    this.#restart = undefined;
  }

  async #spawn(): Promise<ChildRun> {
    const { args, host, reservedPorts, logPath, clock } = this.#options;
    this.#port = await findStorePort(host, this.#port, reservedPorts);
    if (this.#abandoned) {
      throw new EkvError("UNAVAILABLE", "the launcher is closing, and starts no store", {
        notExecuted: true,
      });
    }
    const run = await startChild([...args, "--port", String(this.#port)], logPath, clock);
    await this.#recordRun(run, false);
    return run;
  }

  #watch(run: ChildRun): void {
    this.#run = run;
    void run.exited.then((exit) => this.#inTurn(() => this.#onExit(run, exit)));
  }

  async #onExit(run: ChildRun, exit: ChildExit): Promise<void> {
    if (this.#run !== run) return;
    this.#run = undefined;
    const { storeId, clock, log, logPath } = this.#options;
    if (exit.status === 0) {
      log.info("a store has stopped", { storeId, pid: run.pid });
      await this.#recordRun(run, true);
      return;
    }
    if (clock.nowMs() - run.startedMs >= healthyMs) this.#backoff.succeeded();
    const inMs = Math.round(this.#backoff.failed());
    log.warn("a store died and is started again", {
      storeId,
      pid: run.pid,
      reason: exit.reason,
      inMs,
      logPath,
    });
    this.#scheduleRestart(inMs);
  }

  #scheduleRestart(delayMs: number): void {
    const timer = this.#options.clock.setTimer(delayMs, () => {
      void this.#inTurn(async () => {
        if (this.#restart !== timer || this.#abandoned) return;
        this.#restart = undefined;
        await this.#startAgain();
      });
    });
    this.#restart = timer;
  }

  async #startAgain(): Promise<void> {
    try {
      this.#watch(await this.#spawn());
    } catch (error) {
      const { storeId, log } = this.#options;
      log.warn("a store could not be started again", { storeId, reason: String(error) });
      this.#scheduleRestart(this.#backoff.failed());
    }
  }

  async #recordRun({ pid, startTime }: ChildRun, stopped: boolean): Promise<void> {
    await this.#record.set({ storeId: this.#options.storeId, pid, startTime, port: this.#port, stopped });
  }

  async #exitedAtOnce(exit: ChildExit, logStart: number): Promise<EkvError> {
    const { storeId, logPath } = this.#options;
    return new EkvError(
      "FAILED_PRECONDITION",
      `store ${storeId} exited at once with ${exit.reason}; its log ${logPath} ends: ${await logTail(logPath, logStart)}`,
      { notExecuted: true },
    );
  }
}
