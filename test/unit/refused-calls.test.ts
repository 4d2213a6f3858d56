import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { beforeEach, describe, it } from "node:test";
import { Client } from "../../client/client.js";
import { codecs } from "../../client/codec.js";
import { Connection } from "../../client/connection.js";
import type { PipelineStream } from "../../client/pipeline-stream.js";
import { system } from "../../client/system.js";
import { EkvError } from "../../services/core/errors.js";
import { brandAs } from "../../services/core/ids.js";
import type { Clock } from "../../services/core/ports/clock.js";
import { decideBackoffMs } from "../../services/core/retry/backoff.js";
import type { StoreEndpoint, TopologyDelta } from "../../services/core/topology.js";
import { CallStatus, type PipelineRequest, PipelineResponse } from "../../services/gen/elastickv/v1/store.js";
import { failureToWire } from "../../services/wire/errors.js";

/** No longer than one turn: calls are sent at its end. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
const hourMs = 3_600_000;

/** Time passes when a test lets it: from timer to timer. */
class SteppedClock implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): { cancel(): void } {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  endOfTurn(callback: () => void): void {
    setImmediate(callback);
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      await turn();
      const [next] = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#timers = this.#timers.filter((timer) => timer !== next);
      next.callback();
    }
    this.#nowMs = endMs;
  }
}

/** A store that answers every call with the same refusal; undefined: NOT_FOUND, as an empty store does. */
class RefusingStore {
  refusal: EkvError | undefined;
  reachable = true;
  /** When it was asked, and for how many calls. */
  readonly asked: { readonly atMs: number; readonly calls: number }[] = [];
  opened = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get moments(): number {
    return new Set(this.asked.map(({ atMs }) => atMs)).size;
  }

  open(): Promise<PipelineStream> {
    this.opened += 1;
    if (!this.reachable) return Promise.reject(new EkvError("UNAVAILABLE", "down", { notExecuted: true }));
    const stream = new EventEmitter();
    const write = ({ firstCall, kinds }: PipelineRequest): boolean => {
      this.asked.push({ atMs: this.#clock.nowMs(), calls: kinds.length });
      const { refusal } = this;
      const status = refusal === undefined ? CallStatus.NOT_FOUND : CallStatus.ERROR;
      const failures = refusal === undefined ? [] : Array.from(kinds, () => failureToWire(refusal));
      const statuses = Buffer.alloc(kinds.length, status);
      setImmediate(() =>
        stream.emit("data", PipelineResponse.fromPartial({ firstCall, statuses, failures })),
      );
      return true;
    };
    return Promise.resolve(Object.assign(stream, { write, end: () => undefined, cancel: () => undefined }));
  }
}

const endpoint: StoreEndpoint = {
  storeId: brandAs("store-1"),
  incarnation: brandAs(1),
  address: "127.0.0.1:1",
  alive: true,
  state: "active",
};

function change(fromVersion: number, store: StoreEndpoint): TopologyDelta {
  return {
    fromVersion: brandAs(fromVersion),
    version: brandAs(fromVersion + 1),
    term: brandAs(1),
    stores: [store],
    removedStoreIds: [],
    partitions: [],
  };
}

describe("calls that a store refuses for the moment", () => {
  let clock: SteppedClock;
  let store: RefusingStore;
  let connection: Connection;
  let client: Client<string>;

  beforeEach(() => {
    clock = new SteppedClock();
    store = new RefusingStore(clock);
    const world = { ...system, clock, openPipeline: () => store.open() };
    connection = new Connection({ seeds: ["127.0.0.1:1"], deadlineMs: hourMs }, world);
    connection.snapshot({
      clusterId: brandAs("cluster"),
      partitionCount: 1,
      version: brandAs(1),
      term: brandAs(1),
      stores: [endpoint],
      partitions: [
        {
          partition: brandAs(0),
          epoch: brandAs(1),
          primary: { storeId: endpoint.storeId, incarnation: endpoint.incarnation },
          backups: [],
          learners: [],
          halted: false,
        },
      ],
    });
    client = new Client(connection, codecs.string, true);
  });

  const read = (count: number): Promise<unknown>[] =>
    Array.from({ length: count }, (_, i) => client.get(`key ${i}`));

  it("share one back-off: the store is asked once a wait, however many wait", async () => {
    store.refusal = new EkvError("UNAVAILABLE", "not yet", { notExecuted: true });
    const reads = read(200);
    const spanMs = 10_000;
    await clock.pass(spanMs);
    let momentsMax = 1;
    for (let ms = 0; ms < spanMs; momentsMax += 1) {
      ms += decideBackoffMs({ firstMs: 2, maxMs: 500 }, momentsMax, 0);
    }
    assert.ok(store.moments <= momentsMax, `asked at ${store.moments} moments, not at ${momentsMax}`);
    const calls = store.asked.reduce((sum, asked) => sum + asked.calls, 0);
    assert.ok(calls <= 200 * momentsMax, `${calls} calls`);
    store.refusal = undefined;
    await clock.pass(1000);
    assert.deepEqual(await Promise.all(reads), Array(200).fill(undefined));
  });

  it("are repeated when the store asks for it, and hold up those that come meanwhile", async () => {
    const refusal = { notExecuted: true, retryAfterMs: 2000 };
    store.refusal = new EkvError("RESOURCE_EXHAUSTED", "too many calls", refusal);
    const reads = read(3);
    await clock.pass(1);
    assert.equal(store.moments, 1);
    store.refusal = undefined;
    reads.push(...read(3));
    await clock.pass(1990);
    assert.equal(store.moments, 1);
    await clock.pass(1010);
    assert.equal(store.moments, 2);
    await Promise.all(reads);
  });

  it("are repeated at once when the store is back", async () => {
    store.refusal = new EkvError("UNAVAILABLE", "not yet", { notExecuted: true });
    const reads = read(3);
    await clock.pass(10_000);
    store.refusal = undefined;
    connection.delta(change(1, { ...endpoint, incarnation: brandAs(2) }));
    await clock.pass(0);
    await Promise.all(reads);
  });

  it("and those that cannot reach it are sent at once when it is back", async () => {
    store.reachable = false;
    const reads = read(3);
    await clock.pass(10_000);
    connection.delta(change(1, { ...endpoint, alive: false }));
    const { opened } = store;
    await clock.pass(0);
    assert.equal(store.opened, opened);
    store.reachable = true;
    connection.delta(change(2, endpoint));
    await clock.pass(0);
    assert.equal(store.opened, opened + 1);
    await Promise.all(reads);
  });
});
