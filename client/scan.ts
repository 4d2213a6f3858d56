import { EkvError } from "../services/core/errors.js";
import { backoffs } from "../services/core/limits.js";
import { Backoff } from "../services/core/retry/backoff.js";
import type { StoreEndpoint, Version } from "../services/core/topology.js";
import type { BrowseRequest, BrowseResponse } from "../services/gen/elastickv/v1/store.js";
import { AbortWatch } from "../services/wire/abort-watch.js";
import { fromServiceError } from "../services/wire/errors.js";
import { storeService } from "../services/wire/services.js";
import { entryFromWire, versionFromWire } from "../services/wire/topology.js";
import type { CallTrace } from "./call-trace.js";
import { keyBytes } from "./key.js";
import type { Connection } from "./connection.js";
import type { ScanOptions } from "./options.js";

/** An entry with its value undecoded. */
export interface RawEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly version: Version;
  readonly expiresAtMs: number;
}

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
  next(ownerOf: (partition: number) => StoreEndpoint | undefined): Chunk | undefined {
    let store: StoreEndpoint | undefined;
    const partitions: number[] = [];
    for (const [partition, cursor] of this.#cursors) {
      const owner = ownerOf(partition);
      if (owner === undefined) continue;
      if (cursor.length > 4) return { store: owner, partitions: [partition], cursor };
      store ??= owner;
      if (owner.storeId === store.storeId) partitions.push(partition);
    }
    return store && { store, partitions: partitions.sort((a, b) => a - b), cursor: noBytes };
  }
}

interface Chunk {
  readonly store: StoreEndpoint;
  readonly partitions: readonly number[];
  readonly cursor: Uint8Array;
}

/** How long the page that is waited for may take; begins anew with each. */
interface PageDeadline {
  atMs: number;
  /** It passed while a store was asked. */
  passed: boolean;
}

/** Browses every partition at its owner, following those that move. Options were checked; `trace` is kept up to date. */
export async function* scan(
  connection: Connection,
  options: ScanOptions,
  trace: CallTrace,
): AsyncIterableIterator<RawEntry> {
  const { routing, clock } = connection;
  const { signal } = options;
  const prefix = options.prefix === undefined ? noBytes : keyBytes(options.prefix, "prefix");
  let left = options.limit ?? Infinity;
  const pageMs = options.deadlineMs ?? connection.deadlineMs;
  const remaining = new Remaining(routing.topology.partitionCount);
  const backoff = new Backoff(backoffs.scanPage, connection.random);
  const deadline: PageDeadline = { atMs: clock.nowMs() + pageMs, passed: false };
  let trouble: string | undefined;
  while (!remaining.done && left > 0) {
    throwIfOver(connection, signal);
    const chunk = remaining.next((partition) => routing.ownerOf(partition));
    if (chunk) {
      trace.attempts += 1;
      trace.store = chunk.store.address;
    }
    let progress = false;
    try {
      const request = {
        prefix,
        cursor: chunk?.cursor ?? noBytes,
        partitions: [...(chunk?.partitions ?? [])],
        limit: left <= 0xffff_ffff ? left : 0,
        keysOnly: options.keysOnly ?? false,
      };
      for await (const page of chunk ? browse(connection, chunk.store, request, deadline, signal) : []) {
        for (const { key, value, version, expiresAtMs } of page.entries) {
          throwIfOver(connection, signal);
          left -= 1;
          yield { key, value, version: versionFromWire(version ?? { epoch: 0, seq: 0 }), expiresAtMs };
          if (left <= 0) return;
        }
        remaining.resume(page.cursor);
        for (const partition of page.finishedPartitions) remaining.finish(partition);
        for (const entry of page.moved) connection.moved(entryFromWire(entry));
        progress ||= page.entries.length > 0 || page.finishedPartitions.length > 0;
        deadline.atMs = clock.nowMs() + pageMs;
      }
    } catch (error) {
      throwIfOver(connection, signal);
      const known = fromServiceError(error);
      if (known.code !== "UNAVAILABLE" && known.code !== "INTERNAL") throw known;
      // The last try is cut off by the deadline: what went wrong before says more.
      if (!deadline.passed) trouble = known.message;
    }
    if (progress) {
      backoff.succeeded();
      trouble = undefined;
      continue;
    }
    if (clock.nowMs() >= deadline.atMs) {
      const reason = trouble ?? (chunk ? `${chunk.store.address} sent none` : "nobody serves a partition");
      throw new EkvError("DEADLINE_EXCEEDED", `no page of the scan came within ${pageMs} ms: ${reason}`);
    }
    // Not at once: whoever sent us elsewhere may not be there yet.
    await pause(connection, backoff.failed(), signal);
  }
}

/** The pages of one store. The stream is read as fast as the caller takes entries. */
async function* browse(
  connection: Connection,
  store: StoreEndpoint,
  request: BrowseRequest,
  deadline: PageDeadline,
  signal: AbortSignal | undefined,
): AsyncIterableIterator<BrowseResponse> {
  const { path, requestSerialize, responseDeserialize } = storeService.browse;
  const link = connection.link(store);
  const stream = link.channel.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
  const cancel = (): void => stream.cancel();
  const forget = whenOver(connection, signal, cancel);
  const pages = (stream as AsyncIterable<BrowseResponse>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const leftMs = Math.max(1, deadline.atMs - connection.clock.nowMs());
      const timer = connection.clock.setTimer(leftMs, () => {
        deadline.passed = true;
        cancel();
      });
      const page = await pages.next().finally(() => timer.cancel());
      if (page.done === true) return;
      yield page.value;
    }
  } catch (error) {
    throw link.failureOf(error);
  } finally {
    forget();
    // Leaving early cancels the stream, which then reports that; nobody is left to tell.
    stream.on("error", () => undefined);
    stream.cancel();
  }
}

/** Throws when the caller gave the scan up or closed the client. */
function throwIfOver(connection: Connection, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    const message = "the caller gave the scan up";
    throw new EkvError("CANCELLED", message, { notExecuted: true, cause: signal.reason });
  }
  if (connection.closed) throw new EkvError("FAILED_PRECONDITION", "the client was closed during the scan");
}

/** Calls back when the caller gives the scan up or closes the client. Returns what takes that back. */
function whenOver(connection: Connection, signal: AbortSignal | undefined, callback: () => void): () => void {
  const watch = signal && new AbortWatch(signal, callback);
  const forget = connection.beginScan(callback);
  return () => {
    watch?.stop();
    forget();
  };
}

/** Resolves after a while, or when the scan is over. */
async function pause(connection: Connection, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = connection.clock.setTimer(waitMs, () => done());
    const forget = whenOver(connection, signal, () => done());
    const done = (): void => {
      timer.cancel();
      forget();
      resolve();
    };
  });
}
