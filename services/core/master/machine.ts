import { handleAdmin } from "./admin.js";
import { orderShutdown, operationOf, restoreParticipants, settle } from "./operations/operations.js";
import type { MasterStep } from "./effects.js";
import type { MasterEvent, Registration, StoreLoad } from "./events.js";
import {
  handleHeartbeat,
  handleProbed,
  handleStreamClosed,
  handleStreamOpened,
  reviewSilence,
} from "./membership/liveness.js";
import { handleLaunched, handleLaunchedRemoved, handleLauncherListed } from "./membership/bootstrap.js";
import type { MasterOptions } from "./options.js";
import { readRecords } from "./state/persistence.js";
import {
  observeHeartbeat,
  observeSilence,
  observeStream,
  recognizeRegistration,
} from "./membership/observing.js";
import type { StoreRecord } from "./state/records.js";
import { handleRegister } from "./membership/registration.js";
import { decideStartRefusal, isLaunchWanted } from "./membership/relaunch.js";
import { MasterState, type PartitionSize } from "./state/state.js";
import { CommittedView } from "./state/committed-view.js";
import type { EkvError } from "../errors.js";
import type { Incarnation, PartitionId, StoreId } from "../ids.js";

/** What operators are shown of a store besides its place in the topology and its load. */
export interface StoreNotes extends Pick<StoreRecord, "engine" | "durability" | "dataLoss"> {
  /** One sentence each. */
  readonly problems: readonly string[];
}

/**
 * Everything that the master decides. Its driver carries events in, commits each step's changes (several steps may
 * share a commit, in order), and performs a step's effects only when its changes are committed: nobody ever acts on a
 * decision that a crash could take back. Answers to readers come from the committed view, which the effects feed.
 */
export class MasterMachine {
  readonly #state: MasterState;

  private constructor(state: MasterState) {
    this.#state = state;
  }

  /**
   * The machine as it was when `snapshot` was committed. Whatever was under way goes on from there.
   *
   * @param nowMs monotonic; stores have one suspect interval from here before they count as dead
   * @throws EkvError FAILED_PRECONDITION when the snapshot holds no cluster
   */
  static restore(
    snapshot: ReadonlyMap<string, string>,
    options: MasterOptions,
    nowMs: number,
  ): MasterMachine {
    const state = new MasterState(readRecords(snapshot), options, nowMs);
    restoreParticipants(state);
    return new MasterMachine(state);
  }

  /** What readers may be told, as of now. Taken right after {@link MasterMachine.restore}; fed by the effects. */
  committedView(): CommittedView {
    return CommittedView.of(this.#state);
  }

  /** When a `tick` is due earlier than the next periodic one: a move waits to be tried again. Monotonic. */
  get wakeAtMs(): number | undefined {
    return this.#state.queue.wakeAtMs;
  }

  /** The last load that a store reported. */
  load(storeId: StoreId): StoreLoad | undefined {
    return this.#state.load(storeId);
  }

  /** What a store said of itself besides its load, and what is wrong with it. */
  notesOf(storeId: StoreId): StoreNotes {
    const store = this.#state.store(storeId);
    const { registration, engine, durability, dataLoss } = store ?? {};
    const found = this.#state.problems.of(storeId, registration?.alive ?? false, this.#state.nowMs);
    const isDown = registration?.alive === false && found.length === 0;
    const problems = isDown ? ["down since before this master started"] : found;
    return { problems, engine, durability, dataLoss };
  }

  /** The stores that something is wrong with, members or not. */
  troubledStores(): readonly StoreId[] {
    const down = this.#state.stores().filter(({ registration }) => registration?.alive === false);
    return [...new Set([...this.#state.problems.storeIds(), ...down.map(({ storeId }) => storeId)])].sort();
  }

  /** The last size that a partition's primary reported. */
  size(partition: PartitionId): PartitionSize {
    return this.#state.size(partition);
  }

  /** Whether a launch of a store that failed is to be tried again. */
  isLaunchWanted(storeId: StoreId): boolean {
    return isLaunchWanted(this.#state, storeId);
  }

  /** Why an operator cannot have a store started; undefined: it can be. */
  startRefusal(storeId: StoreId): EkvError | undefined {
    return decideStartRefusal(this.#state, storeId);
  }

  /** The stores that take part in operations. */
  migratingStores(): readonly StoreId[] {
    return this.#state.migrating.getAll();
  }

  /** @param nowMs monotonic @param wallMs Unix milliseconds */
  step(event: MasterEvent, nowMs: number, wallMs: number): MasterStep {
    this.#state.nowMs = nowMs;
    this.#state.wallMs = wallMs;
    this.#handle(event);
    settle(this.#state);
    return this.#state.finishStep();
  }

  /** The incarnation of a process that is registered as it is; undefined: registering it would have to be recorded. */
  recognize(registration: Registration): Incarnation | undefined {
    return recognizeRegistration(this.#state, registration);
  }

  /**
   * Takes of an event what needs no record, while nothing can be recorded. Returns why a heartbeat stream is refused, if so.
   * @param nowMs monotonic @param wallMs Unix milliseconds
   */
  observe(event: MasterEvent, nowMs: number, wallMs: number): EkvError | undefined {
    this.#state.nowMs = nowMs;
    this.#state.wallMs = wallMs;
    if (event.kind === "stream-opened") return observeStream(this.#state, event);
    if (event.kind === "heartbeat") observeHeartbeat(this.#state, event);
    if (event.kind === "tick") observeSilence(this.#state);
    return undefined;
  }

  #handle(event: MasterEvent): void {
    const state = this.#state;
    switch (event.kind) {
      case "launcher-listed":
        return handleLauncherListed(state, event);
      case "register":
        return handleRegister(state, event);
      case "stream-opened":
        handleStreamOpened(state, event);
        if (operationOf(state, event.storeId)?.stage.kind === "leaving") orderShutdown(state, event.storeId);
        return;
      case "heartbeat":
        return handleHeartbeat(state, event);
      case "stream-closed":
        return handleStreamClosed(state, event);
      case "probed":
        return handleProbed(state, event);
      case "launched":
        return handleLaunched(state, event);
      case "launched-removed":
        return handleLaunchedRemoved(state, event);
      case "admin":
        return handleAdmin(state, event);
      case "tick":
        return reviewSilence(state);
    }
  }
}
