import { status } from "@grpc/grpc-js";
import { ErrorCode } from "../../services/gen/elastickv/v1/common.js";
import { HeartbeatRequest, RegisterRequest } from "../../services/gen/elastickv/v1/master.js";
import {
  CatchUpRequest,
  type StartChunkTransfer,
  TransferRequest,
  TransferResponse,
} from "../../services/gen/elastickv/v1/migration.js";
import {
  CallKind,
  MultiGetRequest,
  MultiGetResponse,
  PipelineRequest,
  PipelineResponse,
  PutRequest,
} from "../../services/gen/elastickv/v1/store.js";
import type { FuzzCluster } from "./fuzz-cluster.js";
import { partitionCount } from "./fuzz-cluster.js";
import { type CallOutcome, RawGrpc } from "./raw-grpc.js";
import { delimited, frame } from "./wire-bytes.js";

/** What a scenario found wrong. */
export type Faults = string[];

interface Context {
  readonly cluster: FuzzCluster;
  readonly master: RawGrpc;
  readonly store: RawGrpc;
  /** Notes a fault unless the call ended with one of these. */
  expect(what: string, outcome: CallOutcome, ...codes: readonly status[]): void;
}

const paths = {
  register: "/elastickv.v1.MembershipService/Register",
  heartbeat: "/elastickv.v1.MembershipService/Heartbeat",
  transfer: "/elastickv.v1.MigrationService/Transfer",
  catchUp: "/elastickv.v1.MigrationService/CatchUp",
  pipeline: "/elastickv.v1.StoreService/Pipeline",
  multiPut: "/elastickv.v1.StoreService/MultiPut",
  multiGet: "/elastickv.v1.StoreService/MultiGet",
  put: "/elastickv.v1.StoreService/Put",
  browse: "/elastickv.v1.StoreService/Browse",
  watch: "/elastickv.v1.TopologyService/WatchTopology",
} as const;

/** More streams than a store takes at once, each left in the middle of a message: none may count for ever. */
async function droppedStreams({ cluster, store, expect }: Context): Promise<void> {
  for (const path of [paths.pipeline, paths.transfer, paths.catchUp, paths.watch]) {
    for (let wave = 0; wave < 7; wave += 1) {
      // Each wave on a connection of its own: one with too many resets is closed by the server, as it should be.
      const client = new RawGrpc(cluster.address("store"));
      const body = [frame(Buffer.alloc(0), 0, 100)];
      await Promise.all(Array.from({ length: 200 }, () => client.drop({ path, body })));
      client.close();
    }
  }
  expect(
    "a pipeline after 1400 dropped ones",
    await store.call({ path: paths.pipeline, body: [] }),
    status.OK,
  );
  const watch = await store.call({ path: paths.watch, body: [frame(Buffer.alloc(0))], leaveAfterMs: 30_000 });
  if (!watch.left) expect("a watch after 1400 dropped ones", watch, status.OK);
}

async function hostilePipelines({ store, expect }: Context, faults: Faults): Promise<void> {
  const send = (...batches: readonly Partial<PipelineRequest>[]): Promise<CallOutcome> =>
    store.call({
      path: paths.pipeline,
      body: batches.map((batch) =>
        frame(PipelineRequest.encode(PipelineRequest.fromPartial(batch)).finish()),
      ),
    });
  const one = { kinds: Buffer.of(CallKind.GET), keys: Buffer.from("k"), keyLengths: [1] };
  const put = { ...one, kinds: Buffer.of(CallKind.PUT), valueLengths: [0] };
  const bad: readonly Partial<PipelineRequest>[] = [
    { ...one, keyLengths: [2 ** 32 - 1] },
    { ...one, keyLengths: [0, 1] },
    { ...one, firstCall: Number.MAX_SAFE_INTEGER },
    { ...one, clientId: "x".repeat(65) },
    { ...one, clientId: "\u001b[2J" },
    {
      ...put,
      options: [{ call: 0, condition: { kind: undefined }, ttlMs: 0, wantVersion: false, consistency: 0 }],
    },
    { kinds: Buffer.alloc(16_385, 1), keyLengths: Array.from({ length: 16_385 }, () => 0) },
  ];
  for (const [index, batch] of bad.entries()) {
    expect(`pipeline batch ${index}`, await send(batch), status.INVALID_ARGUMENT);
  }
  // Answers to calls whose numbers lie further apart than 32 bits may not share a message.
  const numbers = [0, 2 ** 40, 1, 2 ** 52, 2 ** 33];
  const outcome = await send(...numbers.map((firstCall) => ({ ...put, firstCall })));
  expect("calls numbered far apart", outcome, status.OK);
  const answered = outcome.messages
    .map((bytes) => PipelineResponse.decode(bytes))
    .flatMap(({ firstCall, offsets, statuses }) =>
      [...statuses].map((_, i) => firstCall + (offsets[i] ?? i)),
    );
  if (answered.sort((a, b) => a - b).join() !== [...numbers].sort((a, b) => a - b).join()) {
    faults.push(`calls ${numbers.join()} were answered as ${answered.join()}`);
  }
}

async function hostileMigrations({ cluster, store, expect }: Context, faults: Faults): Promise<void> {
  const source = { storeId: "store-2", incarnation: 1 };
  const start: StartChunkTransfer = {
    moveId: "fuzz-move",
    clusterId: cluster.clusterId,
    partitionCount,
    partition: 3,
    epoch: 1,
    source,
    target: { storeId: "store-1", incarnation: 1 },
    snapshot: { epoch: 1, seq: 0 },
    keys: 0,
    bytes: 0,
  };
  const records = { keys: Buffer.from("k"), keyLengths: [1], records: Buffer.alloc(11), recordLengths: [11] };
  const chunk = { moveId: "fuzz-move", chunk: 0, records, checksum: 0, last: true };
  const messages: NonNullable<TransferRequest["message"]>[] = [
    { $case: "startChunkTransfer", value: { ...start, clusterId: "other" } },
    { $case: "startChunkTransfer", value: { ...start, partitionCount: 32 } },
    { $case: "startChunkTransfer", value: { ...start, partition: 4_000_000 } },
    { $case: "startChunkTransfer", value: { ...start, target: { storeId: "store-1", incarnation: 999 } } },
    { $case: "startChunkTransfer", value: { ...start, target: undefined } },
    { $case: "chunkDataTransfer", value: chunk },
    { $case: "chunkDataTransfer", value: { ...chunk, chunk: 2 ** 32 - 1, records: undefined } },
    { $case: "dataTransferComplete", value: { moveId: "", chunks: 0, stored: undefined } },
  ];
  const transfer = await store.call({
    path: paths.transfer,
    body: messages.map((message) =>
      frame(TransferRequest.encode({ message, clusterId: "", storeId: "" }).finish()),
    ),
  });
  expect("a transfer of nonsense", transfer, status.OK);
  const cases = transfer.messages.map((bytes) => TransferResponse.decode(bytes).message?.$case);
  if (cases.some((name) => name !== "nack") || cases.length !== messages.length) {
    faults.push(`${messages.length} hostile transfer messages were answered ${cases.join()}`);
  }
  // Starts that the master never announces, each in the place of the last; then refusals without end.
  const nack = { $case: "nack", value: { moveId: "m", reason: 1, message: "x".repeat(1000) } } as const;
  const flood = Array.from({ length: 3000 }, (_, i): Uint8Array => {
    const begin = { $case: "startChunkTransfer", value: { ...start, moveId: `m-${i}` } } as const;
    const message = i % 3 === 0 ? begin : nack;
    return frame(TransferRequest.encode({ message, clusterId: "", storeId: "" }).finish());
  });
  expect("a flood of starts and nacks", await store.call({ path: paths.transfer, body: flood }), status.OK);
  const writes = frame(
    CatchUpRequest.encode({
      message: { $case: "writes", value: { moveId: "m", records } },
      clusterId: "",
      storeId: "",
    }).finish(),
  );
  const catchUp = await store.call({ path: paths.catchUp, body: Array.from({ length: 3000 }, () => writes) });
  expect("a flood of writes of no move", catchUp, status.OK);
}

async function hostileMembership({ cluster, master, expect }: Context): Promise<void> {
  const { clusterId } = cluster;
  const beat = async (
    what: string,
    code: status,
    ...beats: readonly Partial<HeartbeatRequest>[]
  ): Promise<void> => {
    const body = beats.map((partial) =>
      frame(HeartbeatRequest.encode(HeartbeatRequest.fromPartial(partial)).finish()),
    );
    expect(what, await master.call({ path: paths.heartbeat, body }), code);
  };
  const own = { clusterId, storeId: "store-1" };
  const load = HeartbeatRequest.fromPartial({ load: {} }).load;
  await beat("another cluster's heartbeat", status.FAILED_PRECONDITION, {
    ...own,
    clusterId: "x",
    incarnation: 1,
  });
  await beat("another incarnation's heartbeat", status.FAILED_PRECONDITION, { ...own, incarnation: 77 });
  await beat("a heartbeat of nobody", status.FAILED_PRECONDITION, {
    clusterId,
    storeId: "nobody",
    incarnation: 1,
  });
  await beat("a heartbeat without a name", status.INVALID_ARGUMENT, { clusterId });
  const loads = [
    { readsPerSecond: NaN },
    { writesPerSecond: -1 },
    { eventLoopDelayP99Ms: Infinity },
    { partitions: [{ partition: partitionCount, keys: 1, bytes: 1 }] },
    { partitions: [1, 1].map((partition) => ({ partition, keys: 1, bytes: 1 })) },
  ];
  for (const bad of loads) {
    const beats = { ...own, incarnation: 77, load: load && { ...load, ...bad } };
    await beat(`a heartbeat with ${JSON.stringify(bad)}`, status.INVALID_ARGUMENT, beats);
  }
  const report = { moveId: "m".repeat(65), partition: 0, epoch: 1, state: undefined };
  await beat("a report of a long id", status.INVALID_ARGUMENT, { ...own, reports: [report] });
  await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      beat("a crowd of heartbeats", status.FAILED_PRECONDITION, {
        clusterId,
        storeId: `crowd-${i}`,
        incarnation: 1,
      }),
    ),
  );
  await hostileRegistrations({ clusterId, master, expect });
}

async function hostileRegistrations({
  clusterId,
  master,
  expect,
}: Pick<Context, "master" | "expect"> & { readonly clusterId: string }): Promise<void> {
  const good = {
    storeId: "ghost-9",
    clusterId,
    partitionCount,
    address: "127.0.0.1:9",
    processId: "p",
    weight: 1,
  };
  const replica = { storeId: "ghost-9", incarnation: 1 };
  const entry = { partition: 1, epoch: 9, primary: replica, backups: [], learners: [], halted: false };
  const held = (wrong: object): object => ({ held: [{ entry: { ...entry, ...wrong }, keys: 1, bytes: 1 }] });
  const flaws: readonly object[] = [
    { storeId: "" },
    { storeId: "Store 1" },
    { storeId: "x".repeat(70_000) },
    { address: "" },
    { address: "nowhere" },
    { address: "a b:1" },
    { address: "h:0" },
    { address: `${"h".repeat(300)}:1` },
    { processId: "" },
    { processId: "p".repeat(65) },
    { processId: "p\nq" },
    { weight: 2 ** 32 - 1 },
    { held: [{ keys: 1 }] },
    held({ partition: partitionCount }),
    held({ epoch: 2 ** 32 - 1 }),
    held({ primary: undefined }),
    held({ primary: { storeId: "", incarnation: 1 } }),
    held({ primary: { storeId: "store-1", incarnation: 0 } }),
    held({ primary: { storeId: "store-1", incarnation: Number.MAX_SAFE_INTEGER } }),
    held({ backups: Array.from({ length: 17 }, () => replica) }),
    held({ backups: [{ storeId: "\0", incarnation: 1 }] }),
    held({ learners: [{ replica, moveId: "m".repeat(70) }] }),
    { held: [1, 1].map(() => ({ entry, keys: 1, bytes: 1 })) },
  ];
  for (const flaw of flaws) {
    const request = RegisterRequest.fromPartial({ ...good, ...flaw });
    const body = [frame(RegisterRequest.encode(request).finish())];
    expect(
      `a registration with ${JSON.stringify(flaw).slice(0, 100)}`,
      await master.call({ path: paths.register, body }),
      status.INVALID_ARGUMENT,
    );
  }
  for (const misfit of [{ clusterId: "other" }, { partitionCount: 32 }, { clusterId: "", ...held({}) }]) {
    const body = [
      frame(RegisterRequest.encode(RegisterRequest.fromPartial({ ...good, ...misfit })).finish()),
    ];
    expect(
      `a registration with ${JSON.stringify(misfit)}`,
      await master.call({ path: paths.register, body }),
      status.FAILED_PRECONDITION,
    );
  }
}

/** Small on the wire, large in memory: by the number of their parts, or by what they ask for. */
async function hugeMessages({ master, store, expect }: Context, faults: Faults): Promise<void> {
  // Fields without content: two bytes each.
  const parts = (field: number): Buffer => Buffer.alloc(4_400_000, delimited(field, Buffer.alloc(0)));
  expect(
    "two million puts",
    await store.call({ path: paths.multiPut, body: [frame(parts(1))] }),
    status.INVALID_ARGUMENT,
  );
  expect(
    "two million held",
    await master.call({ path: paths.register, body: [frame(parts(5))] }),
    status.INVALID_ARGUMENT,
  );
  const partitions = delimited(3, Buffer.alloc(4_000_000));
  expect(
    "four million partitions",
    await store.call({ path: paths.browse, body: [frame(partitions)] }),
    status.INVALID_ARGUMENT,
  );
  const long = await store.call({ path: paths.put, body: [frame(Buffer.alloc(0), 0, 2 ** 31)] });
  expect("a message of two gigabytes", long, status.RESOURCE_EXHAUSTED);
  const key = Buffer.from("fuzz-large");
  const put = PutRequest.encode(PutRequest.fromPartial({ key, value: Buffer.alloc(1_048_576) })).finish();
  expect("a large value", await store.call({ path: paths.put, body: [frame(put)] }), status.OK);
  const keys = Array.from({ length: 2000 }, () => key);
  const got = await store.call({
    path: paths.multiGet,
    body: [frame(MultiGetRequest.encode({ keys, consistency: 0 }).finish())],
  });
  expect("two gigabytes of answers", got, status.OK);
  const results = got.messages.flatMap((bytes) => MultiGetResponse.decode(bytes).results);
  const refused = results.filter(
    ({ outcome }) =>
      outcome?.$case === "failure" && outcome.value.info?.code === ErrorCode.RESOURCE_EXHAUSTED,
  );
  if (results.length !== keys.length || refused.length < 1900) {
    faults.push(
      `of ${results.length} answers to ${keys.length} keys, ${refused.length} were refused as too much`,
    );
  }
}

const scenarios: readonly ((context: Context, faults: Faults) => Promise<void>)[] = [
  droppedStreams,
  hostilePipelines,
  hostileMigrations,
  hostileMembership,
  hugeMessages,
];

/** Plays every hostile scenario. Returns what was wrong. */
export async function runScenarios(cluster: FuzzCluster): Promise<Faults> {
  const faults: Faults = [];
  const master = new RawGrpc(cluster.address("master"));
  const store = new RawGrpc(cluster.address("store"));
  const expect: Context["expect"] = (what, { code, details, hung }, ...codes) => {
    if (code !== undefined && codes.includes(code)) return;
    const said = hung
      ? "hung"
      : code === undefined
        ? "had no status"
        : `was answered ${status[code]}: ${details.slice(0, 200)}`;
    faults.push(`${what} ${said}, not ${codes.map((one) => status[one]).join(" or ")}`);
  };
  try {
    for (const scenario of scenarios) {
      await scenario({ cluster, master, store, expect }, faults);
      cluster.check();
    }
  } finally {
    master.close();
    store.close();
  }
  return faults;
}
