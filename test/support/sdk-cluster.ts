import assert from "node:assert/strict";
import { type Client, codecs, connect, type ConnectOptions, EkvError } from "../../client/index.js";
import { FakeCluster, type FakeStore } from "./fake-cluster.js";

const clusters: FakeCluster[] = [];
const clients: Client<string>[] = [];

/** Starts a cluster, until `endAll`. */
export async function start(stores = 2, partitions?: number): Promise<FakeCluster> {
  const cluster = await FakeCluster.start(stores, partitions);
  clusters.push(cluster);
  return cluster;
}

/** A client of a cluster, until `endAll`. */
export async function open(
  cluster: FakeCluster,
  options: Partial<ConnectOptions<string>> = {},
): Promise<Client<string>> {
  const client = await connect({ seeds: [cluster.master.address], codec: codecs.string, ...options });
  clients.push(client);
  return client;
}

/** Accepts an EkvError of this code, whose message matches. */
export function failsWith(code: EkvError["code"], message = /./): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof EkvError, `expected an EkvError, got ${String(error)}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}

/** The EkvError of a call that has to fail. */
export async function failureOf(call: Promise<unknown>): Promise<EkvError> {
  const error: unknown = await call.then(
    () => assert.fail("it did not fail"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EkvError, `expected an EkvError, got ${String(error)}`);
  return error;
}

/** The first key of a store, after one call to it, so that its pipeline is open. */
export async function warm(client: Client<string>, cluster: FakeCluster, store: FakeStore): Promise<string> {
  const [key = ""] = cluster.keysOf(store, 1);
  await client.contains(key);
  store.requests.length = 0;
  return key;
}

/** Ends what `start` and `open` made. For `afterEach`. */
export async function endAll(): Promise<void> {
  for (const cluster of clusters) for (const store of cluster.stores) store.script = () => "answer";
  for (const cluster of clusters.splice(0)) cluster.stop();
  await Promise.all(clients.splice(0).map((client) => client.close()));
}
