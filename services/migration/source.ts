import type { EkvError } from "../core/errors.js";
import type { Epoch, MoveId, PartitionId } from "../core/ids.js";
import { isPrimary } from "../core/store/gate.js";
import type { KVMap } from "../core/store/kv-map.js";
import type { Partition } from "../core/store/partition.js";
import { type Replica, sameReplica } from "../core/topology.js";
import type { MoveReport } from "../gen/elastickv/v1/master.js";
import type { OpenChannel } from "../wire/channel.js";
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

/** What a store's sending side works with. */
export interface MigrationSourceOptions extends Omit<SourceMoveContext, "rateLimit"> {
  readonly kvMap: KVMap;
  readonly valueBytesMax: number;
  readonly openChannel: OpenChannel;
}

/** The moves that leave this store. */
export class MigrationSource {
  readonly #options: MigrationSourceOptions;
  readonly #context: SourceMoveContext;
  readonly #rateLimit: RateLimit;
  readonly #moves = new Map<MoveId, SourceMove>();
  readonly #links = new Map<string, PeerLink>();
  /** How long the last hand-off of each partition made calls wait, until it is told. */
  readonly #pauses = new Map<PartitionId, { readonly moveId: MoveId; readonly pauseMs: number }>();
  /** Orders that could not be followed, until the partition's epoch moves on. */
  readonly #refused = new Map<MoveId, MoveReport>();

  constructor(options: MigrationSourceOptions) {
    this.#options = options;
    this.#rateLimit = new RateLimit(options.clock);
    this.#context = {
      engine: options.engine,
      clock: options.clock,
      rateLimit: this.#rateLimit,
      clusterId: options.clusterId,
      partitionCount: options.partitionCount,
      self: () => options.self(),
      reported: () => options.reported(),
    };
  }

  /** Follows an order; a repeated one changes nothing and is reported on again. */
  copy(order: CopyOrder): void {
    this.#rateLimit.set(order.rateBytesPerSecond);
    if (this.#moves.has(order.moveId)) return this.#options.reported();
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
    move.start();
  }

  /** Follows the order to hand over. An unknown or stale one is ignored: the reports tell the master better. */
  transfer(moveId: MoveId, epoch: Epoch): void {
    const move = this.#moves.get(moveId);
    if (move?.partition.epoch === epoch) move.transfer();
    this.#options.reported();
  }

  /** An entry was adopted: ends the moves that it decides. */
  entryAdopted(partition: Partition): void {
    for (const [moveId, report] of this.#refused) {
      if (report.partition === partition.id && report.epoch < partition.epoch) this.#refused.delete(moveId);
    }
    for (const move of this.#moves.values()) {
      if (move.partition !== partition || this.#continues(move)) continue;
      // The waiting calls go on as soon as the move has ended.
      const pauseMs = move.pauseMs();
      if (pauseMs !== undefined) this.#pauses.set(partition.id, { moveId: move.moveId, pauseMs });
      move.end();
      this.#moves.delete(move.moveId);
      this.#closeIdle(move.link);
    }
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
    return [...this.#refused.values(), ...[...this.#moves.values()].map((move) => move.report())];
  }

  close(): void {
    for (const move of this.#moves.values()) move.end();
    this.#moves.clear();
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
    this.#options.reported();
  }

  #link({ target, targetAddress }: CopyOrder): PeerLink {
    const name = `${target.storeId}/${target.incarnation}`;
    const known = this.#links.get(name);
    if (known) return known;
    const { valueBytesMax, openChannel } = this.#options;
    const link = new PeerLink({ address: targetAddress, valueBytesMax, openChannel });
    this.#links.set(name, link);
    return link;
  }

  #closeIdle(link: PeerLink): void {
    if (link.moves > 0) return;
    link.close();
    for (const [name, known] of this.#links) if (known === link) this.#links.delete(name);
  }
}
