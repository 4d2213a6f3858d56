import { limits } from "../limits.js";

/** A write on its way to a move's target. `record` of a delete is a tombstone. */
export interface QueuedWrite {
  readonly seq: number;
  readonly key: Uint8Array;
  readonly record: Uint8Array;
}

/**
 * The target of a move as the source's partition sees it: a bounded queue of the writes made since it was attached,
 * what it has acknowledged, and whether acknowledgements to callers need it.
 */
export class Follower {
  readonly #bytesMax: number;
  readonly #onQueued: () => void;
  #queue: QueuedWrite[] = [];
  #bytes = 0;
  #ackedSeq: number;
  /** From READY on: no write is acknowledged before the target has it. Ends only by a higher epoch. */
  required = false;

  /**
   * @param seq last seq assigned when the follower is attached
   * @param onQueued called when the queue stops being empty
   * @param bytesMax bytes queued before writers are throttled
   */
  constructor(seq: number, onQueued: () => void, bytesMax: number = limits.catchUpQueueBytesMax) {
    this.#ackedSeq = seq;
    this.#onQueued = onQueued;
    this.#bytesMax = bytesMax;
  }

  /** Everything up to this seq is durable at the target. */
  get ackedSeq(): number {
    return this.#ackedSeq;
  }

  /** Bytes of keys and records waiting to be sent. */
  get queuedBytes(): number {
    return this.#bytes;
  }

  /** Whether writers must wait for the queue to shrink. */
  get full(): boolean {
    return this.#bytes >= this.#bytesMax;
  }

  /** Queues a write; seqs ascend. */
  append(write: QueuedWrite): void {
    this.#queue.push(write);
    this.#bytes += write.key.length + write.record.length;
    if (this.#queue.length === 1) this.#onQueued();
  }

  /** Drops queued writes that a snapshot up to `seq` holds already. */
  skipTo(seq: number): void {
    const kept = this.#queue.filter((write) => write.seq > seq);
    this.#queue = kept;
    this.#bytes = kept.reduce((sum, write) => sum + write.key.length + write.record.length, 0);
    if (seq > this.#ackedSeq) this.#ackedSeq = seq;
  }

  /** Takes the oldest writes, at least one and then up to `bytes`; empty when nothing is queued. */
  take(bytes: number): readonly QueuedWrite[] {
    let count = 0;
    let taken = 0;
    for (const write of this.#queue) {
      if (count > 0 && taken >= bytes) break;
      taken += write.key.length + write.record.length;
      count += 1;
    }
    this.#bytes -= taken;
    return this.#queue.splice(0, count);
  }

  /** The target says that everything up to `seq` is durable there. */
  acknowledge(seq: number): void {
    if (seq > this.#ackedSeq) this.#ackedSeq = seq;
  }
}
