import { keyViolation, ttlViolation, valueViolation } from "../core/checks.js";
import type { EkvError } from "../core/errors.js";
import { hashKey, partitionOf } from "../core/hash.js";
import type { Clock } from "../core/ports/clock.js";
import { recordExpiresAtMs, recordValueOffset, recordVersion } from "../core/record.js";
import { decideGate } from "../core/store/gate.js";
import { type Condition, type KVMap, unavailable, type WriteCall } from "../core/store/kv-map.js";
import type { Partition } from "../core/store/partition.js";
import type { PartitionEntry, Replica, Version } from "../core/topology.js";

/** A value with what is known of it. */
export interface ReadResult {
  /** A copy. */
  readonly value: Uint8Array;
  readonly version: Version;
  /** Unix milliseconds; 0: never. */
  readonly expiresAtMs: number;
}

/** A write as it arrives. */
export interface WriteRequest {
  readonly kind: "put" | "delete";
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly condition: Condition | undefined;
  /** 0: for ever. */
  readonly ttlMs: number;
}

/** What a write did: a delete that found nothing has no version. */
export interface WriteResult {
  readonly version: Version | undefined;
}

/** What calls work with. */
export interface CallsOptions {
  readonly kvMap: KVMap;
  readonly clock: Clock;
  readonly valueBytesMax: number;
  /** Longest that a call waits for a hand-off, in milliseconds. */
  readonly parkMs: number;
  /** Most calls that wait for one partition's hand-off. */
  readonly parkedCallsMax: number;
  self(): Replica;
}

const parkSweepMs = 20;

/** Executes data calls on this store's partitions: checks, gates, waiting for hand-offs. */
export class Calls {
  readonly #options: CallsOptions;
  readonly #partitionBits: number;
  readonly #waiting = new Set<Partition>();
  #sweeping = false;
  /** Since the start. */
  reads = 0;
  writes = 0;

  constructor(options: CallsOptions) {
    this.#options = options;
    this.#partitionBits = Math.log2(options.kvMap.partitions.length);
  }

  /** The partition that a key, at `start` to `end` of `bytes`, belongs to. */
  partitionFor(bytes: Uint8Array, start: number, end: number): Partition {
    const index = partitionOf(hashKey(bytes, start, end), this.#partitionBits);
    return this.#options.kvMap.partitions[index] as Partition;
  }

  /** Reads a key; undefined when it does not exist. `deadlineMs`: monotonic. */
  async read(key: Uint8Array, eventual: boolean, deadlineMs: number): Promise<ReadResult | undefined> {
    const violation = keyViolation(key.length);
    if (violation) throw violation;
    this.reads += 1;
    return await this.#read(key, eventual, deadlineMs);
  }

  /** Executes a write; rejects with what refused it. `deadlineMs`: monotonic. */
  async write(request: WriteRequest, deadlineMs: number): Promise<WriteResult> {
    const violation = this.violationOf(request);
    if (violation) throw violation;
    const partition = this.partitionFor(request.key, 0, request.key.length);
    while (!this.#isOpen(partition, true)) await this.#pass(partition, true, deadlineMs);
    return await new Promise((resolve, reject) => {
      this.submit(partition, request, deadlineMs, 0, {
        written: (_call, version) => resolve({ version }),
        notFound: () => resolve({ version: undefined }),
        refused: (_call, error) => reject(error),
      });
    });
  }

  /** What is wrong with a write, if anything. */
  violationOf({ kind, key, value, ttlMs }: WriteRequest): EkvError | undefined {
    const violation = keyViolation(key.length);
    if (violation || kind === "delete") return violation;
    return valueViolation(value.length, this.#options.valueBytesMax) ?? ttlViolation(ttlMs);
  }

  /** Hands a checked write to the KVMap; the partition must be open for writes. */
  submit(
    partition: Partition,
    { kind, key, value, condition, ttlMs }: WriteRequest,
    deadlineMs: number,
    call: number,
    sink: WriteCall["sink"],
  ): void {
    this.writes += 1;
    const expiresAtMs = ttlMs === 0 ? 0 : this.#options.clock.wallMs() + ttlMs;
    this.#options.kvMap.write(partition, {
      kind,
      key,
      value,
      condition,
      expiresAtMs,
      deadlineMs,
      call,
      sink,
    });
  }

  /**
   * Resolves when this store has adopted an entry, or a newer one of the same partition. Waits no longer than a call waits
   * for a hand-off; then rejects as that does.
   */
  async adopted(
    { partition: id, epoch }: Pick<PartitionEntry, "partition" | "epoch">,
    deadlineMs: number,
  ): Promise<void> {
    const partition = this.#options.kvMap.partitions[id];
    while (partition !== undefined && partition.epoch < epoch) await this.#park(partition, deadlineMs);
  }

  /** Ends every wait, as a store does that stops. */
  stop(): void {
    const error = unavailable("the store is shutting down");
    for (const partition of this.#options.kvMap.partitions) partition.giveUpParked(Infinity, error);
  }

  async #read(key: Uint8Array, eventual: boolean, deadlineMs: number): Promise<ReadResult | undefined> {
    const { kvMap } = this.#options;
    const partition = this.partitionFor(key, 0, key.length);
    const anyReplica = eventual && partition.generation !== undefined;
    if (!anyReplica) while (!this.#isOpen(partition, false)) await this.#pass(partition, false, deadlineMs);
    if (!anyReplica && kvMap.mustWait(partition)) {
      await new Promise<void>((resolve) => partition.whenCommitted(partition.localSeq, resolve));
      return this.#read(key, eventual, deadlineMs);
    }
    const record = kvMap.get(partition, key);
    if (record === undefined) return undefined;
    if (kvMap.hasExpired(record)) {
      if (anyReplica) return undefined;
      const expired = Uint8Array.from(record);
      while (!this.#isOpen(partition, true)) await this.#pass(partition, true, deadlineMs);
      await new Promise<void>((resolve, reject) => {
        kvMap.expire(partition, key, expired, (error) => (error ? reject(error) : resolve()));
      });
      return this.#read(key, eventual, deadlineMs);
    }
    return {
      value: Buffer.from(record.subarray(recordValueOffset(record))),
      version: recordVersion(record),
      expiresAtMs: recordExpiresAtMs(record),
    };
  }

  /** To be read in the same synchronous run as what it lets through: an `await` in between may close it. */
  #isOpen(partition: Partition, write: boolean): boolean {
    return decideGate(partition, this.#options.self(), write).kind === "open";
  }

  /** Waits until the partition was seen to take the call; rejects when it will not. */
  async #pass(partition: Partition, write: boolean, deadlineMs: number): Promise<void> {
    for (;;) {
      const gate = decideGate(partition, this.#options.self(), write);
      if (gate.kind === "open") return;
      if (gate.kind === "refused") throw gate.error;
      await this.#park(partition, deadlineMs);
    }
  }

  #park(partition: Partition, deadlineMs: number): Promise<void> {
    const { clock, parkMs, parkedCallsMax } = this.#options;
    if (partition.parkedCalls >= parkedCallsMax) {
      throw unavailable(`${parkedCallsMax} calls wait already for partition ${partition.id}`);
    }
    const latestMs = Math.min(deadlineMs, clock.nowMs() + parkMs);
    this.#waiting.add(partition);
    this.#sweep();
    return new Promise((resolve, reject) => {
      partition.park({ resume: resolve, giveUp: reject, deadlineMs: latestMs });
    });
  }

  #sweep(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    const { clock } = this.#options;
    clock.setTimer(parkSweepMs, () => {
      this.#sweeping = false;
      for (const partition of this.#waiting) {
        const error = unavailable(
          `partition ${partition.id} was not served here in time: a hand-off or a start is under way`,
        );
        partition.giveUpParked(clock.nowMs(), error);
        if (partition.parkedCalls === 0) this.#waiting.delete(partition);
      }
      if (this.#waiting.size > 0) this.#sweep();
    });
  }
}
