import { Client, credentials } from "@grpc/grpc-js";
import {
  CallKind,
  type PipelineRequest,
  type PipelineResponse,
} from "../../services/gen/elastickv/v1/store.js";
import { storeService } from "../../services/wire/services.js";
import type { Session } from "./session.js";

/** Batches of which nothing is answered yet; further calls wait, and make the next batch larger. */
const batchesMax = 2;

interface Call {
  readonly key: Buffer;
  /** Undefined: reads. */
  readonly value: Buffer | undefined;
  readonly resolve: (value: Buffer | undefined) => void;
}

/**
 * The pipeline's columns over one grpc-js stream: those calls of a turn of the event loop in one message, two messages in
 * flight. No routing, deadlines, retries or codecs. A stream that breaks leaves its calls unanswered, and fails the bench.
 */
export async function openBarePipeline(address: string): Promise<Session> {
  const client = new Client(address, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = storeService.pipeline;
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  const sent = new Map<number, Call>();
  const unanswered: number[] = [];
  let queue: Call[] = [];
  let nextCall = 0;
  let scheduled = false;
  const flush = (): void => {
    scheduled = false;
    if (queue.length === 0 || unanswered.length >= batchesMax) return;
    const calls = queue;
    queue = [];
    for (const [index, call] of calls.entries()) sent.set(nextCall + index, call);
    unanswered.push(nextCall);
    stream.write(requestOf(calls, nextCall));
    nextCall += calls.length;
  };
  const flushSoon = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  };
  stream.on("data", ({ firstCall, offsets, values, valueLengths }: PipelineResponse) => {
    const last = firstCall + (offsets[0] ?? 0);
    while (unanswered.length > 0 && (unanswered[0] as number) <= last) unanswered.shift();
    let end = 0;
    for (const [index, offset] of offsets.entries()) {
      const call = sent.get(firstCall + offset);
      sent.delete(firstCall + offset);
      const length = valueLengths[index];
      const start = end;
      end += length ?? 0;
      call?.resolve(length === undefined ? undefined : Buffer.from(values.subarray(start, end)));
    }
    flushSoon();
  });
  const call = (key: string, value?: Buffer): Promise<Buffer | undefined> =>
    new Promise((resolve) => {
      queue.push({ key: Buffer.from(key), value, resolve });
      flushSoon();
    });
  return {
    get: call,
    put: call,
    close: async () => {
      stream.end();
      client.close();
    },
  };
}

function requestOf(calls: readonly Call[], firstCall: number): PipelineRequest {
  const puts = calls.flatMap(({ value }) => value ?? []);
  return {
    firstCall,
    kinds: Uint8Array.from(calls, ({ value }) => (value ? CallKind.PUT : CallKind.GET)),
    keys: Buffer.concat(calls.map(({ key }) => key)),
    keyLengths: calls.map(({ key }) => key.length),
    values: Buffer.concat(puts),
    valueLengths: puts.map(({ length }) => length),
    timeoutsMs: [],
    options: [],
    clientId: "",
    clusterId: "",
    storeId: "",
  };
}
