import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { open } from "lmdb";
import {
  CallKind,
  CallStatus,
  type PipelineRequest,
  type PipelineResponse,
} from "../../../services/gen/elastickv/v1/store.js";
import { storeService } from "../../../services/wire/services.js";

// The pipeline's columns over one grpc-js stream, with a bare LMDB behind them: no owners, versions, deadlines or digests.
// `node main.js <bytes of a value> <empty folder>`. What a durable store can do at least.
const table = open<Uint8Array, Uint8Array>({
  ...{ path: process.argv[3] ?? "", noSubdir: false, noSync: true, useWritemap: true },
  ...{ keyEncoding: "binary", encoding: "binary" },
});

interface Write {
  readonly call: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

type Stream = ServerDuplexStream<PipelineRequest, PipelineResponse>;

/** Answers reads at once, and the writes of a turn of the event loop when they are committed. */
function serve(stream: Stream): void {
  let writes: Write[] = [];
  const commit = (): void => {
    const taken = writes;
    writes = [];
    table.transactionSync(() => {
      for (const { key, value } of taken) void table.put(key, value);
    });
    const firstCall = taken[0]?.call ?? 0;
    const offsets = taken.map(({ call }) => call - firstCall);
    stream.write(answerOf(firstCall, offsets, []));
  };
  stream.on("data", (request: PipelineRequest) => {
    const before = writes.length;
    const { offsets, values } = take(request, writes);
    if (offsets.length > 0) stream.write(answerOf(request.firstCall, offsets, values));
    if (before === 0 && writes.length > 0) setImmediate(commit);
  });
  stream.on("end", () => stream.end());
}

/** Reads what a batch reads, and adds what it writes to `writes`. */
function take(request: PipelineRequest, writes: Write[]): { offsets: number[]; values: Buffer[] } {
  const offsets: number[] = [];
  const values: Buffer[] = [];
  let keyOffset = 0;
  let valueOffset = 0;
  let puts = 0;
  for (let index = 0; index < request.kinds.length; index += 1) {
    const keyStart = keyOffset;
    keyOffset += request.keyLengths[index] ?? 0;
    const key = request.keys.subarray(keyStart, keyOffset);
    if (request.kinds[index] === CallKind.PUT) {
      const valueStart = valueOffset;
      valueOffset += request.valueLengths[puts++] ?? 0;
      const value = request.values.subarray(valueStart, valueOffset);
      writes.push({ call: request.firstCall + index, key, value });
      continue;
    }
    const found = table.getBinaryFast(key);
    if (found === undefined) throw new Error(`${Buffer.from(key).toString()} was never written`);
    offsets.push(index);
    // LMDB's buffer is longer than it says, and used again by the next read.
    values.push(Buffer.from(new Uint8Array(found.buffer, found.byteOffset, found.length)));
  }
  return { offsets, values };
}

function answerOf(firstCall: number, offsets: number[], values: readonly Buffer[]): PipelineResponse {
  return {
    firstCall,
    offsets,
    statuses: new Uint8Array(offsets.length).fill(CallStatus.OK),
    values: Buffer.concat(values),
    valueLengths: values.map(({ length }) => length),
    epochs: [],
    seqs: [],
    expiriesMs: [],
    moved: [],
    failures: [],
    draining: false,
  };
}

const server = new Server();
server.addService({ pipeline: storeService.pipeline }, { pipeline: serve });
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`listening on 127.0.0.1:${port}\n`);
});
