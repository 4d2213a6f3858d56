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

/** Keys that are spread over partitions, and records for them. */
export class DataSet {
  readonly keys: number;
  readonly partitions: number;
  readonly random: RandomStream;
  readonly #records: readonly Uint8Array[];
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

  put(index: number): Put {
    this.#nextRecord = (this.#nextRecord + 1) % recordsKept;
    const record = this.#records[this.#nextRecord] as Uint8Array;
    return { partition: index % this.partitions, key: Buffer.from(keyName(index)), record };
  }

  /** Puts of keys that are drawn at random. */
  drawn(count: number): Put[] {
    return Array.from({ length: count }, () => this.put(Math.floor(this.random() * this.keys)));
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
}

/** Gets the key of a put. Throws when it is not there: figures of an engine that loses keys mean nothing. */
export function getWritten(engine: MeasuredEngine, { partition, key }: Put): void {
  if (engine.get(partition, key) === undefined) {
    throw new Error(`${Buffer.from(key).toString()} was written and is not there`);
  }
}

/** The partitions that puts belong to, each once. */
export function partitionsOf(puts: readonly Put[]): Set<number> {
  return new Set(puts.map(({ partition }) => partition));
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
      records += chunk.length;
    }
  }
  await engine.flush();
  return records;
}
