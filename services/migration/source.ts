import type { EkvError } from "../core/errors.js";
import type { Epoch, MoveId, PartitionId } from "../core/ids.js";
import { limits } from "../core/limits.js";
import { isPrimary } from "../core/store/gate.js";
import type { KVMap } from "../core/store/kv-map.js";
import type { Partition } from "../core/store/partition.js";
import { type Replica, sameReplica } from "../core/topology.js";
import type { MoveReport } from "../gen/elastickv/v1/master.js";
import type { OpenChannel } from "../wire/channel.js";
import type { ConnectFramed } from "../wire/framed-connection.js";
import { NackReason } from "../gen/elastickv/v1/migration.js";
import { PeerLink } from "./peer-link.js";
import { RateLimit } from "./rate-limit.js";
import { SourceMove, type SourceMoveContext } from "./source-move.js";

/** The master's order to copy a partition. */
export interface CopyOrder {
  readonly moveId: MoveId;
  readonly partition: PartitionId;
  /** The epoch it was planned from. */
  readonly epoch: Epoch;
  readonly target: Replica;
  /** host:port of the target. */
  readonly targetAddress: string;
  /** Of this source's moves together; 0: no limit. */
  readonly rateBytesPerSecond: number;
}

/** When the master is to be told: at once, or soon, together with what there will be to tell by then. */
export type ReportTime = "now" | "soon";

/** What a store's sending side works with. */
export interface MigrationSourceOptions extends Omit<SourceMoveContext, "rateLimit" | "reported"> {
  readonly kvMap: KVMap;
  readonly openChannel: OpenChannel;
  /** Undefined: moves go over gRPC. */
  readonly connectFramed: ConnectFramed | undefined;
  /** There is something new to tell the master; see {@link MigrationSource.news}. */
  reported(when: ReportTime): void;
}

/** The moves that leave this store. */
export class MigrationSource {
  readonly #options: MigrationSourceOptions;
  readonly #context: SourceMoveContext;
  readonly #rateLimit: RateLimit;
  readonly #moves = new Map<MoveId, SourceMove>();
  /** Of these, those whose copy is not complete yet. */
  readonly #copying = new Set<MoveId>();
  /** Orders that wait for their turn to copy, in the order in which they came. */
  readonly #queued = new Map<MoveId, CopyOrder>();
  readonly #links = new Map<string, PeerLink>();
  /** How long the last hand-off of each partition made calls wait, until it is told. */
  readonly #pauses = new Map<PartitionId, { readonly moveId: MoveId; readonly pauseMs: number }>();
  /** Orders that could not be followed, until the partition's epoch moves on. */
  readonly #refused = new Map<MoveId, MoveReport>();
  /** Moves of which something is to be told at once. */
  readonly #news = new Set<MoveId>();

  constructor(options: MigrationSourceOptions) {
    this.#options = options;
    this.#rateLimit = new RateLimit(options.clock);
    this.#context = {
      engine: options.engine,
      clock: options.clock,
      rateLimit: this.#rateLimit,
      turns: options.turns,
      clusterId: options.clusterId,
      partitionCount: options.partitionCount,
      self: () => options.self(),
      reported: (moveId) => {
        // READY, or given up.
        const wasCopying = this.#copying.delete(moveId);
        if (wasCopying) this.#copyNext();
        // No call waits yet for what follows READY; behind the last copy nothing comes that could be told with it.
        this.#tell(moveId, wasCopying && this.#copying.size > 0 ? "soon" : "now");
      },
    };
  }

  /** Whether partitions leave this store, or are about to. */
  get isBusy(): boolean {
    return this.#moves.size > 0 || this.#queued.size > 0;
  }

  /** Whether calls wait for a partition of this store to be handed over. */
  get isHandingOver(): boolean {
    for (const { partition } of this.#moves.values()) if (partition.isMigrating) return true;
    return false;
  }

  /** Follows an order; a repeated one changes nothing and is reported on again. */
  copy(order: CopyOrder): void {
    this.#rateLimit.set(order.rateBytesPerSecond);
    if (this.#moves.has(order.moveId) || this.#queued.has(order.moveId)) return this.#tell(order.moveId);
    this.#queued.set(order.moveId, order);
    this.#copyNext();
  }

  #copyNext(): void {
    for (const [moveId, order] of this.#queued) {
      if (this.#copying.size >= limits.copiesUnderWayMax) return;
      this.#queued.delete(moveId);
      this.#begin(order);
    }
  }

  #begin(order: CopyOrder): void {
    const partition = this.#options.kvMap.partitions[order.partition];
    if (partition === undefined) return;
    if (partition.epoch !== order.epoch || !isPrimary(partition, this.#options.self())) {
      return this.#refuse(order, NackReason.STALE_EPOCH, `this store is at epoch ${partition.epoch}`);
    }
    if (partition.follower !== undefined) {
      return this.#refuse(order, NackReason.INTERNAL, "another move of the partition is under way");
    }
    const { moveId, target } = order;
    const move = new SourceMove(this.#context, { moveId, partition, target, link: this.#link(order) });
    this.#moves.set(moveId, move);
    this.#copying.add(moveId);
    move.start();
  }

  /** Follows the order to hand over, once. To any other, repeated or stale, the answer is how the move stands. */
  transfer(moveId: MoveId, epoch: Epoch): void {
    const move = this.#moves.get(moveId);
    if (move?.partition.epoch === epoch && move.phase === "ready") move.transfer();
    else this.#tell(moveId);
  }

  /** An entry was adopted: ends the moves that it decides. */
  entryAdopted(partition: Partition): void {
    for (const [moveId, report] of this.#refused) {
      if (report.partition === partition.id && report.epoch < partition.epoch) this.#refused.delete(moveId);
    }
    for (const [moveId, order] of this.#queued) {
      if (order.partition === partition.id && order.epoch < partition.epoch) this.#queued.delete(moveId);
    }
    for (const move of this.#moves.values()) {
      if (move.partition !== partition || this.#continues(move)) continue;
      // The waiting calls go on as soon as the move has ended.
      const pauseMs = move.pauseMs();
      if (pauseMs !== undefined) this.#pauses.set(partition.id, { moveId: move.moveId, pauseMs });
      move.end();
      this.#moves.delete(move.moveId);
      this.#copying.delete(move.moveId);
      this.#closeIdle(move.link);
    }
    this.#copyNext();
  }

  /** How long a move's hand-off made calls wait, in milliseconds, once; undefined when it was not this run's. */
  takePause(partition: PartitionId, moveId: MoveId): number | undefined {
    const last = this.#pauses.get(partition);
    if (last?.moveId !== moveId) return undefined;
    this.#pauses.delete(partition);
    return last.pauseMs;
  }

  /** The local engine failed under a partition that is moving. */
  engineFailed(partition: Partition, error: EkvError): void {
    const reason = error.code === "RESOURCE_EXHAUSTED" ? "STORAGE_FULL" : "INTERNAL";
    for (const move of this.#moves.values()) {
      if (move.partition === partition) move.fail(reason, error.message);
    }
  }

  /** What the master should know of every move now. */
  reports(): MoveReport[] {
    this.#news.clear();
    return [
      ...this.#refused.values(),
      ...[...this.#queued.values()].map(reportQueued),
      ...[...this.#moves.values()].map((move) => move.report()),
    ];
  }

  /** What is new since the last reports: those of all moves would be as many messages' worth as moves are under way. */
  news(): MoveReport[] {
    const news = [...this.#news].flatMap((moveId) => {
      const queued = this.#queued.get(moveId);
      const report = this.#moves.get(moveId)?.report() ?? this.#refused.get(moveId);
      return report ?? (queued ? reportQueued(queued) : []);
    });
    this.#news.clear();
    return news;
  }

  close(): void {
    for (const move of this.#moves.values()) move.end();
    this.#moves.clear();
    this.#queued.clear();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  /** A move goes on while its target is still the learner or has just become the backup. */
  #continues(move: SourceMove): boolean {
    const { entry } = move.partition;
    if (entry === undefined || !isPrimary(move.partition, this.#options.self())) return false;
    if (entry.backups.some((backup) => sameReplica(backup, move.target))) return true;
    return (
      move.report().epoch === entry.epoch &&
      entry.learners.some(
        ({ moveId, replica }) => moveId === move.moveId && sameReplica(replica, move.target),
      )
    );
  }

  #refuse(order: CopyOrder, reason: NackReason, message: string): void {
    const { moveId, partition } = order;
    this.#refused.set(moveId, {
      moveId,
      partition,
      epoch: order.epoch,
      state: { $case: "nack", value: { moveId, reason, message } },
    });
    this.#tell(moveId);
  }

  #tell(moveId: MoveId, when: ReportTime = "now"): void {
    this.#news.add(moveId);
    this.#options.reported(when);
  }

  #link({ target, targetAddress }: CopyOrder): PeerLink {
    const name = `${target.storeId}/${target.incarnation}`;
    const known = this.#links.get(name);
    if (known) return known;
    const { clusterId, openChannel, connectFramed, clock } = this.#options;
    const peer = { clusterId, storeId: target.storeId };
    const address = targetAddress;
    const link = new PeerLink({ address, peer, openChannel, connectFramed, clock });
    this.#links.set(name, link);
    return link;
  }

  #closeIdle(link: PeerLink): void {
    if (link.moves > 0) return;
    link.close();
    for (const [name, known] of this.#links) if (known === link) this.#links.delete(name);
  }
}

function reportQueued({ moveId, partition, epoch }: CopyOrder): MoveReport {
  return { moveId, partition, epoch, state: { $case: "copying", value: { keys: 0, bytes: 0 } } };
}
