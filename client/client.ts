import { keyViolation, ttlViolation, valueViolation } from "../services/core/checks.js";
import { EkvError, invalidArgument } from "../services/core/errors.js";
import type { Topology, Version } from "../services/core/topology.js";
import { CallKind } from "../services/gen/elastickv/v1/store.js";
import type { Codec } from "./codec.js";
import type { Connection } from "./connection.js";
import type {
  CallOptions,
  ClientStats,
  Entry,
  Key,
  ReadOptions,
  ScannedEntry,
  ScanOptions,
  WriteOptions,
} from "./options.js";
import { plainKey } from "./key.js";
import { type CallSettings, type CallSort, PendingCall } from "./pending-call.js";
import { scan } from "./scan.js";

const eventualRead: CallSettings = { ifAbsent: false, ifVersion: undefined, ttlMs: 0, eventual: true };
const deadlineMsMax = 2 ** 31 - 1;

function deadlineViolation(deadlineMs: number): EkvError | undefined {
  if (deadlineMs > 0 && deadlineMs <= deadlineMsMax) return undefined;
  return invalidArgument("deadlineMs", `is ${deadlineMs}; give milliseconds above 0 up to ${deadlineMsMax}`);
}

function versionViolation({ epoch, seq }: Version): EkvError | undefined {
  const isVersion =
    Number.isInteger(epoch) && epoch >= 0 && epoch < 2 ** 32 && Number.isSafeInteger(seq) && seq >= 0;
  if (isVersion) return undefined;
  return invalidArgument("ifVersion", `is (${epoch}, ${seq}); give a version that put or getEntry told`);
}

/**
 * A client of a cluster. Every method rejects with an EkvError whose code says what to do. Calls made in one turn of
 * the event loop travel together, so many at once cost little.
 */
export class Client<V = Buffer> {
  readonly #connection: Connection;
  readonly #codec: Codec<V>;
  readonly #sorts: Readonly<Record<"get" | "getEntry" | "contains" | "put" | "delete", CallSort>>;
  readonly #isRoot: boolean;

  /** Use `connect`. */
  constructor(connection: Connection, codec: Codec<V>, isRoot: boolean) {
    this.#connection = connection;
    this.#codec = codec;
    this.#sorts = {
      get: { kind: CallKind.GET, result: "value", codec },
      getEntry: { kind: CallKind.GET, result: "entry", codec },
      contains: { kind: CallKind.CONTAINS, result: "boolean", codec },
      put: { kind: CallKind.PUT, result: "version", codec },
      delete: { kind: CallKind.DELETE, result: "boolean", codec },
    };
    this.#isRoot = isRoot;
  }

  /** The value of a key; undefined when it does not exist. */
  get(key: Key, options?: ReadOptions): Promise<V | undefined> {
    return this.#read(this.#sorts.get, key, options);
  }

  /** The value of a key with its version and expiry; undefined when it does not exist. */
  getEntry(key: Key, options?: ReadOptions): Promise<Entry<V> | undefined> {
    return this.#read(this.#sorts.getEntry, key, options);
  }

  /** Whether a key exists. */
  contains(key: Key, options?: ReadOptions): Promise<boolean> {
    return this.#read(this.#sorts.contains, key, options);
  }

  /** Writes a key; resolves with its new version when it is durable. CONDITION_FAILED when a condition does not hold. */
  put(key: Key, value: V, options?: WriteOptions): Promise<Version> {
    return this.#write(this.#sorts.put, key, value, options);
  }

  /** Deletes a key; resolves with whether it existed. */
  delete(key: Key, options?: WriteOptions): Promise<boolean> {
    return this.#write(this.#sorts.delete, key, undefined, options);
  }

  /** The values of many keys, in their order. Each is read on its own. Rejects with the first failure, once all ended. */
  getMany(keys: Iterable<Key>, options?: ReadOptions): Promise<(V | undefined)[]> {
    return allOf([...keys].map((key) => this.get(key, options)));
  }

  /** Writes many keys; each on its own. Rejects with the first failure, once all ended. */
  putMany(entries: Iterable<readonly [Key, V]>, options?: WriteOptions): Promise<Version[]> {
    return allOf([...entries].map(([key, value]) => this.put(key, value, options)));
  }

  /** Deletes many keys; each on its own. Resolves with whether each existed. */
  deleteMany(keys: Iterable<Key>, options?: WriteOptions): Promise<boolean[]> {
    return allOf([...keys].map((key) => this.delete(key, options)));
  }

  /**
   * Every entry, partition after partition, in byte order within each. What exists unchanged for the whole scan comes
   * exactly once, whatever moves meanwhile.
   */
  async *scan(options: ScanOptions = {}): AsyncIterableIterator<ScannedEntry<V>> {
    for await (const { key, value: bytes, version, expiresAtMs } of scan(this.#connection, options)) {
      // Without values there is nothing to decode; see ScanOptions.keysOnly.
      const value = options.keysOnly === true ? (undefined as V) : this.#codec.decode(bytes);
      yield { key: Buffer.from(key), value, version, expiresAtMs };
    }
  }

  /** The same connections with another codec. Closing the original closes both. */
  withCodec<W>(codec: Codec<W>): Client<W> {
    return new Client(this.#connection, codec, false);
  }

  /** The topology as far as it is known. */
  topology(): Topology {
    return this.#connection.routing.topology;
  }

  /** Counters since the connection was made. */
  stats(): ClientStats {
    return this.#connection.stats();
  }

  /**
   * Waits for calls in flight and closes every connection; then nothing of it keeps the process from ending. A client made
   * by `withCodec` closes nothing: close the one that `connect` gave.
   */
  async close(): Promise<void> {
    if (this.#isRoot) await this.#connection.close();
  }

  #encode(value: V): Uint8Array {
    let bytes: unknown;
    try {
      bytes = this.#codec.encode(value);
    } catch (cause) {
      const description = `cannot be encoded by this client's codec: ${String(cause)}`;
      throw new EkvError("INVALID_ARGUMENT", `value: ${description}`, {
        notExecuted: true,
        violations: [{ field: "value", description }],
        cause,
      });
    }
    if (bytes instanceof Uint8Array) return bytes;
    throw invalidArgument("value", `became a ${typeof bytes} by this client's codec; it must give bytes`);
  }

  #read<T>(sort: CallSort, key: Key, options: ReadOptions | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const settings = options?.consistency === "eventual" ? eventualRead : undefined;
      const call = new PendingCall(sort, plainKey(key), undefined, settings, resolve, reject);
      this.#submit(call, options);
    });
  }

  #write<T>(sort: CallSort, key: Key, value: V | undefined, options: WriteOptions | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const bytes = sort.kind === CallKind.PUT ? this.#encode(value as V) : undefined;
      const settings = options && this.#settings(sort.kind, options);
      this.#submit(new PendingCall(sort, plainKey(key), bytes, settings, resolve, reject), options);
    });
  }

  /** What a write carries besides key and value; undefined: nothing. Throws INVALID_ARGUMENT. */
  #settings(kind: CallKind, { ifAbsent, ifVersion, ttlMs }: WriteOptions): CallSettings | undefined {
    if (ifAbsent === true && ifVersion !== undefined) {
      throw invalidArgument("ifVersion", "cannot be given together with ifAbsent");
    }
    const violation =
      (ifVersion && versionViolation(ifVersion)) ??
      (kind === CallKind.PUT ? ttlViolation(ttlMs ?? 0, "ttlMs") : undefined);
    if (violation) throw violation;
    const settings = {
      ifAbsent: ifAbsent === true,
      ifVersion,
      ttlMs: kind === CallKind.PUT ? (ttlMs ?? 0) : 0,
      eventual: false,
    };
    return settings.ifAbsent || settings.ifVersion || settings.ttlMs !== 0 ? settings : undefined;
  }

  #submit(call: PendingCall, options: CallOptions | undefined): void {
    const connection = this.#connection;
    const timeoutMs = options?.deadlineMs ?? connection.deadlineMs;
    const violation =
      keyViolation(call.key.length) ??
      deadlineViolation(timeoutMs) ??
      (call.value && valueViolation(call.value.length, connection.valueBytesMax));
    if (violation) return call.reject(violation);
    call.partition = connection.routing.partitionFor(call.key);
    call.timeoutMs = timeoutMs;
    // Whole, so that it takes no memory of its own.
    call.deadlineMs = Math.ceil(connection.clock.nowMs() + timeoutMs);
    connection.submit(call, options?.signal);
  }
}

/** All results, or the first failure once every call has ended. */
async function allOf<T>(calls: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(calls);
  return settled.map((one) => {
    if (one.status === "rejected") throw one.reason as Error;
    return one.value;
  });
}
