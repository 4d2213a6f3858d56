import { keyViolation, valueViolation } from "../services/core/checks.js";
import { EkvError, errorOfCall, invalidArgument } from "../services/core/errors.js";
import type { Topology, Version } from "../services/core/topology.js";
import { CallKind } from "../services/gen/elastickv/v1/store.js";
import { type BulkWork, runBulk } from "./bulk.js";
import { deleteTable, putTable, readTable, scanTable, writeSettings } from "./call-options.js";
import type { CallTrace } from "./call-trace.js";
import { type Codec, codecViolation, decodeValue, encodeValue } from "./codec.js";
import type { Connection } from "./connection.js";
import { namedKey, plainKey } from "./key.js";
import { checkOptions, nameType, type OptionTable } from "./option-checks.js";
import type {
  CallOptions,
  ClientStats,
  DeleteOptions,
  Entry,
  Key,
  ReadOptions,
  ScannedEntry,
  ScanOptions,
  WriteOptions,
} from "./options.js";
import { type CallSettings, type CallSort, PendingCall } from "./pending-call.js";
import { scan } from "./scan.js";

const eventualRead: CallSettings = { ifAbsent: false, ifVersion: undefined, ttlMs: 0, eventual: true };

/** What calls of one method have in common. */
interface MethodSort extends CallSort {
  readonly options: OptionTable;
}

/** What calls of one bulk method have in common. */
interface BulkSort extends Pick<BulkWork<never>, "name" | "argument" | "isWrite"> {
  readonly options: OptionTable;
  settings(options: WriteOptions & ReadOptions): CallSettings | undefined;
}

const tables = {
  get: readTable("get"),
  getEntry: readTable("getEntry"),
  contains: readTable("contains"),
  put: putTable("put"),
  delete: deleteTable("delete"),
} as const;

const getManySort: BulkSort = {
  name: "getMany",
  argument: { name: "keys", shape: "a list of keys" },
  isWrite: false,
  options: readTable("getMany"),
  settings: readSettings,
};
const putManySort: BulkSort = {
  name: "putMany",
  argument: { name: "entries", shape: "a list of [key, value] pairs" },
  isWrite: true,
  options: putTable("putMany"),
  settings: writeSettings,
};
const deleteManySort: BulkSort = {
  name: "deleteMany",
  argument: { name: "keys", shape: "a list of keys" },
  isWrite: true,
  options: deleteTable("deleteMany"),
  settings: writeSettings,
};

/**
 * A client of a cluster. Every method rejects with an EkvError whose code says what to do. Calls made in one turn of
 * the event loop travel together, so many at once cost little.
 */
export class Client<V = Buffer> {
  readonly #connection: Connection;
  readonly #codec: Codec<V>;
  readonly #sorts: Readonly<Record<keyof typeof tables, MethodSort>>;
  readonly #isRoot: boolean;

  /** Use `connect`. */
  constructor(connection: Connection, codec: Codec<V>, isRoot: boolean) {
    this.#connection = connection;
    this.#codec = codec;
    this.#sorts = {
      get: { name: "get", options: tables.get, kind: CallKind.GET, result: "value", codec },
      getEntry: { name: "getEntry", options: tables.getEntry, kind: CallKind.GET, result: "entry", codec },
      contains: {
        name: "contains",
        options: tables.contains,
        kind: CallKind.CONTAINS,
        result: "boolean",
        codec,
      },
      put: { name: "put", options: tables.put, kind: CallKind.PUT, result: "version", codec },
      delete: { name: "delete", options: tables.delete, kind: CallKind.DELETE, result: "boolean", codec },
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

  /** Deletes a key; resolves with whether it existed. CONDITION_FAILED when a condition does not hold. */
  delete(key: Key, options?: DeleteOptions): Promise<boolean> {
    return this.#write(this.#sorts.delete, key, undefined, options);
  }

  /**
   * The values of many keys, in their order. Each is read on its own; a bounded number is under way at a time. Once all have
   * ended, rejects with one error whose `failures` list each that failed.
   */
  getMany(keys: Iterable<Key>, options?: ReadOptions): Promise<(V | undefined)[]> {
    return this.#bulk(getManySort, keys, options, (key) => [this.#sorts.get, key, undefined]);
  }

  /**
   * Writes many keys; each on its own, a bounded number at a time. Resolves with their versions. Once all have ended, rejects
   * with one error whose `failures` list each that failed, and whether it may have happened all the same.
   */
  putMany(entries: Iterable<readonly [Key, V]>, options?: WriteOptions): Promise<Version[]> {
    return this.#bulk(putManySort, entries, options, (entry) => {
      if (Array.isArray(entry)) return [this.#sorts.put, entry[0], entry[1] as V];
      throw invalidArgument("entry", `is ${nameType(entry)}; give a [key, value] pair`);
    });
  }

  /** Deletes many keys; each on its own. Resolves with whether each existed. Rejects as {@link putMany} does. */
  deleteMany(keys: Iterable<Key>, options?: DeleteOptions): Promise<boolean[]> {
    return this.#bulk(deleteManySort, keys, options, (key) => [this.#sorts.delete, key, undefined]);
  }

  /**
   * Every entry, partition after partition, in byte order within each. What exists unchanged for the whole scan comes
   * exactly once, whatever moves meanwhile. FAILED_PRECONDITION when the client is closed during the scan, or when the codec
   * cannot decode a value, whose key the error has.
   */
  async *scan(options: ScanOptions = {}): AsyncIterableIterator<ScannedEntry<V>> {
    checkOptions(options, scanTable);
    const trace: CallTrace = { attempts: 0, store: undefined };
    let at: unknown = options.prefix;
    try {
      for await (const { key, value: bytes, version, expiresAtMs } of scan(
        this.#connection,
        options,
        trace,
      )) {
        at = key;
        // Without values there is nothing to decode; see ScanOptions.keysOnly.
        const value =
          options.keysOnly === true ? (undefined as V) : decodeValue(this.#codec, bytes, 0, bytes.length);
        yield { key: Buffer.from(key), value, version, expiresAtMs };
        at = options.prefix;
      }
    } catch (error) {
      if (!(error instanceof EkvError)) throw error;
      throw errorOfCall(error, { call: "scan", key: namedKey(at), ...trace });
    }
  }

  /** The same connections with another codec. Closing the original closes both. */
  withCodec<W>(codec: Codec<W>): Client<W> {
    const problem = codecViolation(codec);
    if (problem !== undefined) throw invalidArgument("codec", problem);
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
   * Waits for calls in flight, ends scans that run with FAILED_PRECONDITION, and closes every connection; then nothing of it
   * keeps the process from ending. A client made by `withCodec` closes nothing: close the one that `connect` gave.
   */
  async close(): Promise<void> {
    if (this.#isRoot) await this.#connection.close();
  }

  #read<T>(sort: MethodSort, key: Key, options: ReadOptions | undefined): Promise<T> {
    return new Promise((resolve) => {
      try {
        checkOptions(options, sort.options);
        this.#submit(this.#call(sort, key, undefined, readSettings(options), resolve), options);
      } catch (error) {
        throw refusalOf(sort, key, error);
      }
    });
  }

  #write<T>(sort: MethodSort, key: Key, value: V | undefined, options: WriteOptions | undefined): Promise<T> {
    return new Promise((resolve) => {
      try {
        checkOptions(options, sort.options);
        this.#submit(this.#call(sort, key, value, writeSettings(options), resolve), options);
      } catch (error) {
        throw refusalOf(sort, key, error);
      }
    });
  }

  /** Makes a call. Throws INVALID_ARGUMENT for what no store would take. */
  #call(
    sort: CallSort,
    key: Key,
    value: V | undefined,
    settings: CallSettings | undefined,
    resolve: (value: never) => void,
    reject?: (error: EkvError) => void,
  ): PendingCall {
    const connection = this.#connection;
    const plain = plainKey(key);
    const bytes = sort.kind === CallKind.PUT ? encodeValue(this.#codec, value as V) : undefined;
    const violation =
      keyViolation(plain.length) ?? (bytes && valueViolation(bytes.length, connection.valueBytesMax));
    if (violation) throw violation;
    const call = new PendingCall(sort, plain, bytes, settings, resolve, reject);
    call.partition = connection.routing.partitionFor(plain);
    return call;
  }

  #submit(call: PendingCall, options: CallOptions | undefined): void {
    const connection = this.#connection;
    connection.submit(call, options?.deadlineMs ?? connection.deadlineMs, options?.signal);
  }

  async #bulk<Item, Result>(
    sort: BulkSort,
    items: Iterable<Item>,
    options: CallOptions | undefined,
    callOf: (item: Item) => readonly [CallSort, Key, V | undefined],
  ): Promise<Result[]> {
    const connection = this.#connection;
    const { name, argument, isWrite } = sort;
    checkOptions(options, sort.options);
    const settings = options && sort.settings(options);
    const timeoutMs = options?.deadlineMs ?? connection.deadlineMs;
    const signal = options?.signal;
    const work: BulkWork<Item> = {
      ...{ name, argument, isWrite },
      makeCall: (item, resolve, reject) => this.#call(...callOf(item), settings, resolve, reject),
      keyOf: (item) => (Array.isArray(item) ? (item as readonly unknown[])[0] : item),
      send: (call) => connection.submitAdmitted(call, timeoutMs, signal),
    };
    return await runBulk(connection, work, items, signal);
  }
}

function readSettings(options: ReadOptions | undefined): CallSettings | undefined {
  return options?.consistency === "eventual" ? eventualRead : undefined;
}

/** A call that was refused before it began, as the error of that call. */
function refusalOf(sort: CallSort, key: unknown, error: unknown): unknown {
  if (!(error instanceof EkvError)) return error;
  return errorOfCall(error, { call: sort.name, key: namedKey(key), attempts: 0 });
}
