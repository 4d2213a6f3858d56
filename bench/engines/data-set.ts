import { setImmediate as endOfTurn } from "node:timers/promises";
import { encodeRecord } from "../../services/core/record.js";
import { brandAs, type Epoch } from "../../services/core/ids.js";
import { keyName } from "../workload/key-name.js";
import { randomStream, type RandomStream } from "../workload/random-stream.js";
import { valuePool } from "../workload/value-pool.js";
import type { EngineData } from "./job.js";
import type { MeasuredEngine, Put } from "./measured-engine.js";

/** Records of a transfer's chunk. */
const chunkRecords = 500;
const recordsKept = 1024;
const noBytes: Uint8Array = Buffer.alloc(0);

/** Keys that are spread over partitions, and records for them. */
export class DataSet {
  readonly keys: number;
  readonly partitions: number;
  readonly random: RandomStream;
  readonly #records: readonly Uint8Array[];
  /** Of every key, once they are kept. */
  #names: readonly Uint8Array[] = [];
  #nextRecord = 0;

  constructor({ keys, valueBytes, partitions, seed }: EngineData) {
    this.keys = keys;
    this.partitions = partitions;
    this.random = randomStream(seed);
    const nextValue = valuePool(valueBytes, this.random);
    this.#records = Array.from({ length: recordsKept }, (_, i) =>
      encodeRecord({ epoch: brandAs<Epoch>(1), seq: i + 1, expiresAtMs: 0 }, nextValue()),
    );
  }

  /** Makes the bytes of all keys now, so that a measured loop makes no garbage with them. */
  keepKeys(): void {
    this.#names = Array.from({ length: this.keys }, (_, index) => Buffer.from(keyName(index)));
  }

  put(index: number): Put {
    return this.#fill({ partition: 0, key: noBytes, record: noBytes }, index);
  }

  /** Puts of keys that are drawn at random. */
  drawn(count: number): Put[] {
    return this.redraw(Array.from({ length: count }, () => this.put(0)));
  }

  /** The same puts with other keys and records. Nobody may need the former ones. */
  redraw(puts: Put[]): Put[] {
    for (const put of puts) this.#fill(put, Math.floor(this.random() * this.keys));
    return puts;
  }

  /** Chunks of a partition in the order of its keys, as a move's target gets them. */
  *chunksOf(partition: number): IterableIterator<Put[]> {
    let chunk: Put[] = [];
    for (let index = partition; index < this.keys; index += this.partitions) {
      chunk.push(this.put(index));
      if (chunk.length < chunkRecords) continue;
      yield chunk;
      chunk = [];
    }
    if (chunk.length > 0) yield chunk;
  }

  #fill(put: Put, index: number): Put {
    this.#nextRecord = (this.#nextRecord + 1) % recordsKept;
    put.partition = index % this.partitions;
    put.key = this.#names[index] ?? Buffer.from(keyName(index));
    put.record = this.#records[this.#nextRecord] ?? noBytes;
    return put;
  }
}

/** Gets the key of a put. Throws when it is not there: figures of an engine that loses keys mean nothing. */
export function getWritten(engine: MeasuredEngine, { partition, key }: Put): void {
  if (engine.get(partition, key) === undefined) {
    throw new Error(`${Buffer.from(key).toString()} was written and is not there`);
  }
}

/** Commits puts with the counters of their partitions, each once. */
export function commitCounted(engine: Pick<MeasuredEngine, "commit">, puts: readonly Put[]): Promise<void> {
  // A new set each time: V8 links the table of one that is cleared to the next. From the first that grows old on,
  // every collection of garbage would copy them all.
  const counted = new Set<number>();
  for (const { partition } of puts) counted.add(partition);
  return engine.commit(puts, counted);
}

/** Writes partitions `from` to `to` as a move's target does; resolves with the number of records. */
export async function ingest(
  engine: MeasuredEngine,
  data: DataSet,
  from: number,
  to: number,
): Promise<number> {
  let records = 0;
  for (let partition = from; partition < to; partition += 1) {
    for (const chunk of data.chunksOf(partition)) {
      await engine.commit(chunk, [partition]);
      await endOfTurn();
      records += chunk.length;
    }
  }
  await engine.flush();
  return records;
}
