import { limits } from "../services/core/limits.js";
import { EkvError } from "../services/core/errors.js";
import type { Version } from "../services/core/topology.js";
import type { BrowseResponse } from "../services/gen/elastickv/v1/store.js";
import { fromServiceError } from "../services/wire/errors.js";
import { storeService } from "../services/wire/services.js";
import { entryFromWire, versionFromWire } from "../services/wire/topology.js";
import type { Connection } from "./connection.js";
import type { ScanOptions } from "./options.js";

/** An entry with its value undecoded. */
export interface RawEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly version: Version;
  readonly expiresAtMs: number;
}

const retryMs = 20;
const noBytes: Uint8Array = new Uint8Array(0);

/** The partitions still to be browsed; those begun have a cursor. */
class Remaining {
  readonly #cursors: Map<number, Uint8Array>;

  constructor(partitionCount: number) {
    this.#cursors = new Map(Array.from({ length: partitionCount }, (_, partition) => [partition, noBytes]));
  }

  get done(): boolean {
    return this.#cursors.size === 0;
  }

  finish(partition: number): void {
    this.#cursors.delete(partition);
  }

  /** Goes on behind this cursor, which says which partition it is in. */
  resume(cursor: Uint8Array): void {
    if (cursor.length < 4) return;
    const partition = Buffer.from(cursor.buffer, cursor.byteOffset, cursor.byteLength).readUInt32BE(0);
    if (this.#cursors.has(partition)) this.#cursors.set(partition, Uint8Array.from(cursor));
  }

  /** The next to ask one store for: a partition that was begun alone, or all that are its own. */
  next(addressOf: (partition: number) => string | undefined): Chunk | undefined {
    let address: string | undefined;
    const partitions: number[] = [];
    for (const [partition, cursor] of this.#cursors) {
      const owner = addressOf(partition);
      if (owner === undefined) continue;
      if (cursor.length > 4) return { address: owner, partitions: [partition], cursor };
      address ??= owner;
      if (owner === address) partitions.push(partition);
    }
    return address === undefined
      ? undefined
      : { address, partitions: partitions.sort((a, b) => a - b), cursor: noBytes };
  }
}

interface Chunk {
  readonly address: string;
  readonly partitions: readonly number[];
  readonly cursor: Uint8Array;
}

/** Browses every partition at its owner, following those that move. */
export async function* scan(connection: Connection, options: ScanOptions): AsyncIterableIterator<RawEntry> {
  const { routing, clock } = connection;
  const remaining = new Remaining(routing.topology.partitionCount);
  const pageMs = options.deadlineMs ?? connection.deadlineMs;
  let left = options.limit ?? Infinity;
  let deadlineMs = clock.nowMs() + pageMs;
  let reason = "nobody serves a partition";
  while (!remaining.done && left > 0) {
    const chunk = remaining.next((partition) => routing.addressOf(partition));
    try {
      if (chunk) {
        for await (const page of browse(connection, options, chunk, deadlineMs, left)) {
          deadlineMs = clock.nowMs() + pageMs;
          for (const { key, value, version, expiresAtMs } of page.entries) {
            left -= 1;
            const found = version ?? { epoch: 0, seq: 0 };
            yield { key, value, version: versionFromWire(found), expiresAtMs };
            if (left <= 0) return;
          }
          remaining.resume(page.cursor);
          for (const partition of page.finishedPartitions) remaining.finish(partition);
          for (const entry of page.moved) connection.moved(entryFromWire(entry));
        }
      }
    } catch (error) {
      const known = fromServiceError(error);
      reason = known.message;
      const mayRepeat =
        known.code === "UNAVAILABLE" || known.code === "CANCELLED" || known.code === "INTERNAL";
      if (options.signal?.aborted === true || !mayRepeat) throw known;
    }
    if (remaining.done) return;
    if (connection.closed) throw new EkvError("FAILED_PRECONDITION", "the client was closed during a scan");
    if (clock.nowMs() > deadlineMs) {
      throw new EkvError("DEADLINE_EXCEEDED", `no page of the scan came within ${pageMs} ms: ${reason}`);
    }
    // Not at once: whoever sent us elsewhere may not be there yet.
    await new Promise<void>((resolve) => {
      setTimeout(resolve, retryMs);
    });
  }
}

/** The pages of one store. The stream is read as fast as the caller takes entries. */
async function* browse(
  connection: Connection,
  options: ScanOptions,
  chunk: Chunk,
  deadlineMs: number,
  limit: number,
): AsyncIterableIterator<BrowseResponse> {
  const { path, requestSerialize, responseDeserialize } = storeService.browse;
  const prefix =
    typeof options.prefix === "string" ? Buffer.from(options.prefix) : (options.prefix ?? noBytes);
  const stream = connection
    .link(chunk.address)
    .channel.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {
      prefix,
      cursor: chunk.cursor,
      partitions: [...chunk.partitions],
      limit: Number.isFinite(limit) && limit <= limits.keyBytesMax * limits.batchCallsMax ? limit : 0,
      keysOnly: options.keysOnly ?? false,
    });
  const abort = (): void => stream.cancel();
  const timer = connection.clock.setTimer(Math.max(1, deadlineMs - connection.clock.nowMs()), abort);
  options.signal?.addEventListener("abort", abort);
  try {
    for await (const page of stream as AsyncIterable<BrowseResponse>) {
      timer.cancel();
      yield page;
    }
  } finally {
    timer.cancel();
    options.signal?.removeEventListener("abort", abort);
    // Leaving the loop early cancels the stream, which then reports that; nobody is left to tell.
    stream.on("error", () => undefined);
    stream.cancel();
  }
}
