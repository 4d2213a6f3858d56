import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { EkvError } from "../../services/core/errors.js";
import { hashKey, partitionOf } from "../../services/core/hash.js";
import { brandAs, type PartitionId } from "../../services/core/ids.js";
import type { PartitionEntry, StoreEndpoint, Topology } from "../../services/core/topology.js";
import type { WatchTopologyRequest, WatchTopologyResponse } from "../../services/gen/elastickv/v1/master.js";
import {
  type BrowseEntry,
  type BrowseRequest,
  type BrowseResponse,
  CallKind,
  CallStatus,
  type PipelineRequest,
  type PipelineResponse,
} from "../../services/gen/elastickv/v1/store.js";
import { decodeCursor, encodeCursor } from "../../services/store/browse.js";
import { AnswerBatch } from "../../services/store/answer-batch.js";
import { diffTopologies } from "../../services/runtime/topology-feed.js";
import { storeService, topologyService } from "../../services/wire/services.js";
import { deltaToWire, entryToWire, topologyToWire } from "../../services/wire/topology.js";

type PipelineStream = ServerDuplexStream<PipelineRequest, PipelineResponse>;
type WatchStream = ServerWritableStream<WatchTopologyRequest, WatchTopologyResponse>;
type BrowseStream = ServerWritableStream<BrowseRequest, BrowseResponse>;

/** What is stored under a key. Moves leave it where it is: all fake stores share one map. */
interface StoredValue {
  readonly value: Buffer;
  readonly epoch: number;
  readonly seq: number;
  readonly expiresAtMs: number;
}

/** One call as a fake store received it. */
export interface FakeCall {
  readonly store: FakeStore;
  readonly stream: PipelineStream;
  readonly number: number;
  readonly kind: CallKind;
  readonly key: string;
  readonly value: Buffer;
  readonly partition: number;
  readonly wantVersion: boolean;
  /** Carries the call out and answers it. */
  answer(): void;
  /** Answers with an error instead. */
  refuse(error: EkvError): void;
}

/** What a script does with a call: `answer` it with its batch, or leave it to `FakeCall.answer` later. */
export type CallScript = (call: FakeCall) => "answer" | "hold" | EkvError;

class FakeServer {
  address = "";
  protected readonly watchers = new Set<WatchStream>();
  #server = new Server();

  /** Listens; on the same port again after a stop. */
  async start(): Promise<void> {
    this.#server = new Server({ "grpc.max_receive_message_length": -1 });
    for (const [definition, handlers] of this.services()) this.#server.addService(definition, handlers);
    const target = this.address === "" ? "127.0.0.1:0" : this.address;
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(target, ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    this.address = `127.0.0.1:${port}`;
  }

  /** As if killed: every connection breaks. */
  kill(): void {
    this.watchers.clear();
    this.#server.forceShutdown();
  }

  /** Streams that watch the topology here. */
  get watching(): number {
    return this.watchers.size;
  }

  push(update: WatchTopologyResponse): void {
    for (const watcher of this.watchers) watcher.write(update);
  }

  protected services(): [typeof topologyService | typeof storeService, UntypedServiceImplementation][] {
    return [];
  }

  protected watch(stream: WatchStream, topology: Topology): void {
    stream.on("cancelled", () => this.watchers.delete(stream));
    stream.write({ update: { $case: "snapshot", value: topologyToWire(topology) } });
    this.watchers.add(stream);
  }
}

/** Serves the topology alone, as a master does to a client. */
export class FakeMaster extends FakeServer {
  readonly #cluster: FakeCluster;

  constructor(cluster: FakeCluster) {
    super();
    this.#cluster = cluster;
  }

  protected override services(): ReturnType<FakeServer["services"]> {
    const watchTopology = (stream: WatchStream): void => this.watch(stream, this.#cluster.topology);
    return [[topologyService, { watchTopology }]];
  }
}

/** A store without a disk that does as its script says. */
export class FakeStore extends FakeServer {
  readonly id: string;
  /** Every batch received. */
  readonly requests: PipelineRequest[] = [];
  readonly browses: BrowseRequest[] = [];
  /** How often each key was written, by calls that were carried out. */
  readonly writes = new Map<string, number>();
  readonly held: FakeCall[] = [];
  script: CallScript = () => "answer";
  /** Called before each page of a browse; may move partitions, break the stream there, or leave it hanging. */
  beforePage: () => "send" | "break" | "hang" = () => "send";
  /** Entries of a browse page. */
  pageEntries = 3;
  readonly #cluster: FakeCluster;
  readonly #streams = new Set<PipelineStream>();

  constructor(cluster: FakeCluster, id: string) {
    super();
    this.#cluster = cluster;
    this.id = id;
  }

  /** Breaks every pipeline, with calls unanswered. */
  breakStreams(): void {
    for (const stream of this.#streams) {
      stream.emit("error", { code: status.UNAVAILABLE, details: "broken by the test" });
    }
    this.#streams.clear();
  }

  /** Ends every pipeline cleanly, with calls unanswered. */
  endStreams(): void {
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }

  /** Pipelines open. */
  get pipelines(): number {
    return this.#streams.size;
  }

  /** Keys received, batch by batch. */
  get batches(): string[][] {
    return this.requests.map(({ keys, keyLengths }) => {
      let offset = 0;
      return keyLengths.map((length) => Buffer.from(keys.subarray(offset, (offset += length))).toString());
    });
  }

  protected override services(): ReturnType<FakeServer["services"]> {
    const watchTopology = (stream: WatchStream): void => this.watch(stream, this.#cluster.topology);
    const pipeline = (stream: PipelineStream): void => this.#serve(stream);
    const browse = (stream: BrowseStream): void => this.#browse(stream);
    return [
      [topologyService, { watchTopology }],
      [storeService, { pipeline, browse }],
    ];
  }

  #serve(stream: PipelineStream): void {
    this.#streams.add(stream);
    stream.on("data", (request: PipelineRequest) => this.#receive(stream, request));
    stream.on("end", () => stream.end());
    stream.on("cancelled", () => this.#streams.delete(stream));
    stream.on("close", () => this.#streams.delete(stream));
  }

  #receive(stream: PipelineStream, request: PipelineRequest): void {
    this.requests.push(request);
    const answers = new AnswerBatch();
    let keyOffset = 0;
    let valueOffset = 0;
    let puts = 0;
    request.kinds.forEach((byte, index) => {
      const kind = byte as CallKind;
      const keyEnd = keyOffset + (request.keyLengths[index] ?? 0);
      const valueEnd = valueOffset + (kind === CallKind.PUT ? (request.valueLengths[puts++] ?? 0) : 0);
      const keyBytes = request.keys.subarray(keyOffset, keyEnd);
      const number = request.firstCall + index;
      const call: FakeCall = {
        store: this,
        stream,
        number,
        kind,
        key: Buffer.from(keyBytes).toString(),
        value: Buffer.from(request.values.subarray(valueOffset, valueEnd)),
        partition: partitionOf(hashKey(keyBytes), Math.log2(this.#cluster.topology.partitionCount)),
        wantVersion: request.options.find((options) => options.call === index)?.wantVersion ?? false,
        answer: () => this.#send(stream, (batch) => this.#execute(call, batch)),
        refuse: (error) => this.#send(stream, (batch) => batch.addError(number, error)),
      };
      keyOffset = keyEnd;
      valueOffset = valueEnd;
      const verdict = this.script(call);
      if (verdict === "hold") this.held.push(call);
      else if (verdict === "answer") this.#execute(call, answers);
      else answers.addError(number, verdict);
    });
    if (answers.size > 0 && !stream.writableEnded) stream.write(answers.finish(0));
  }

  #send(stream: PipelineStream, fill: (batch: AnswerBatch) => void): void {
    const batch = new AnswerBatch();
    fill(batch);
    stream.write(batch.finish(0));
  }

  #execute(call: FakeCall, answers: AnswerBatch): void {
    const { data, topology } = this.#cluster;
    const entry = topology.partitions[call.partition] as PartitionEntry;
    if (entry.primary?.storeId !== this.id) {
      return answers.addError(call.number, new EkvError("MOVED", "elsewhere", { moved: entry }));
    }
    const known = data.get(call.key);
    if (call.kind === CallKind.PUT) {
      const { epoch } = entry;
      const seq = (known?.seq ?? 0) + 1;
      data.set(call.key, { value: call.value, epoch, seq, expiresAtMs: 0 });
      this.writes.set(call.key, (this.writes.get(call.key) ?? 0) + 1);
      answers.add(call.number, CallStatus.OK);
      return answers.addVersion(epoch, seq);
    }
    if (known === undefined) return answers.add(call.number, CallStatus.NOT_FOUND);
    if (call.kind === CallKind.GET) {
      answers.addValue(call.number, known.value, 0, known.value.length);
      if (!call.wantVersion) return;
      answers.addVersion(known.epoch, known.seq);
      return answers.addExpiry(known.expiresAtMs);
    }
    if (call.kind === CallKind.DELETE) {
      data.delete(call.key);
      this.writes.set(call.key, (this.writes.get(call.key) ?? 0) + 1);
    }
    answers.add(call.number, CallStatus.OK);
  }

  #browse(stream: BrowseStream): void {
    const { request } = stream;
    this.browses.push(request);
    const bits = Math.log2(this.#cluster.topology.partitionCount);
    const cursor = decodeCursor(request.cursor, this.#cluster.topology.partitionCount);
    for (const partition of request.partitions) {
      if (cursor !== undefined && partition < cursor.partition) continue;
      let after = cursor?.partition === partition ? Buffer.from(cursor.key).toString() : "";
      for (let finished = false; !finished;) {
        const verdict = this.beforePage();
        if (verdict === "hang") return;
        if (verdict === "break") {
          stream.emit("error", { code: status.UNAVAILABLE, details: "broken by the test" });
          return;
        }
        const entry = this.#cluster.topology.partitions[partition] as PartitionEntry;
        const position = encodeCursor({ partition, key: Buffer.from(after) });
        if (entry.primary?.storeId !== this.id) {
          stream.write({
            entries: [],
            cursor: position,
            finishedPartitions: [],
            moved: [entryToWire(entry)],
          });
          break;
        }
        const keys = [...this.#cluster.data.keys()]
          .filter((key) => key > after && key.startsWith(Buffer.from(request.prefix).toString()))
          .filter((key) => partitionOf(hashKey(Buffer.from(key)), bits) === partition)
          .sort();
        finished = keys.length <= this.pageEntries;
        const page = keys.slice(0, this.pageEntries);
        after = page.at(-1) ?? after;
        stream.write({
          entries: page.map((key) => this.#browseEntry(key)),
          cursor: encodeCursor({ partition, key: Buffer.from(after) }),
          finishedPartitions: finished ? [partition] : [],
          moved: [],
        });
      }
    }
    stream.end();
  }

  #browseEntry(key: string): BrowseEntry {
    const { value, epoch, seq, expiresAtMs } = this.#cluster.data.get(key) as StoredValue;
    return {
      key: Buffer.from(key),
      value,
      version: { epoch, seq },
      expiresAtMs,
    };
  }
}

/** A master and stores in this process that speak the protocol and do as they are told. */
export class FakeCluster {
  readonly data = new Map<string, StoredValue>();
  readonly master: FakeMaster = new FakeMaster(this);
  readonly stores: readonly FakeStore[];
  topology: Topology;

  private constructor(storeCount: number, partitionCount: number) {
    this.stores = Array.from({ length: storeCount }, (_, i) => new FakeStore(this, `s${i + 1}`));
    this.topology = {
      clusterId: brandAs("fake"),
      partitionCount,
      version: brandAs(1),
      term: brandAs(1),
      stores: [],
      partitions: [],
    };
  }

  /** Starts it; partitions go round the stores. */
  static async start(storeCount: number, partitionCount = 16): Promise<FakeCluster> {
    const cluster = new FakeCluster(storeCount, partitionCount);
    await Promise.all([cluster.master, ...cluster.stores].map((server) => server.start()));
    cluster.topology = {
      ...cluster.topology,
      stores: cluster.stores.map((store) => cluster.#endpoint(store)),
      partitions: Array.from({ length: partitionCount }, (_, partition) => ({
        partition: brandAs<PartitionId>(partition),
        epoch: brandAs(1),
        primary: { storeId: brandAs(`s${(partition % storeCount) + 1}`), incarnation: brandAs(1) },
        backups: [],
        learners: [],
        halted: false,
      })),
    };
    return cluster;
  }

  stop(): void {
    for (const server of [this.master, ...this.stores]) server.kill();
  }

  store(index: number): FakeStore {
    return this.stores[index] as FakeStore;
  }

  partitionOf(key: string): number {
    return partitionOf(hashKey(Buffer.from(key)), Math.log2(this.topology.partitionCount));
  }

  owner(key: string): FakeStore {
    const { primary } = this.topology.partitions[this.partitionOf(key)] as PartitionEntry;
    return this.stores.find(({ id }) => id === primary?.storeId) as FakeStore;
  }

  /** `count` keys that a store owns. */
  keysOf(store: FakeStore, count: number): string[] {
    const keys: string[] = [];
    for (let i = 0; keys.length < count; i += 1) if (this.owner(`key-${i}`) === store) keys.push(`key-${i}`);
    return keys;
  }

  /** Gives a partition to another store, or to nobody. `announced` false: only MOVED answers tell of it. */
  move(partition: number, store: FakeStore | undefined, announced = true): void {
    const known = this.topology.partitions[partition] as PartitionEntry;
    const entry: PartitionEntry = {
      ...known,
      epoch: brandAs(known.epoch + 1),
      primary: store && { storeId: brandAs(store.id), incarnation: brandAs(1) },
    };
    const partitions = this.topology.partitions.slice();
    partitions[partition] = entry;
    this.change({ partitions }, announced);
  }

  /** Changes the topology. */
  change(changes: Partial<Topology>, announced = true): void {
    const from = this.topology;
    this.topology = { ...from, ...changes, version: brandAs(from.version + 1) };
    if (!announced) return;
    const delta = deltaToWire(diffTopologies(from, this.topology));
    for (const server of [this.master, ...this.stores])
      server.push({ update: { $case: "delta", value: delta } });
  }

  #endpoint(store: FakeStore): StoreEndpoint {
    return {
      storeId: brandAs(store.id),
      incarnation: brandAs(1),
      address: store.address,
      alive: true,
      state: "active",
    };
  }
}
