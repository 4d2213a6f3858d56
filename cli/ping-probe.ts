import { credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { takenOver } from "../services/core/checks.js";
import { EkvError } from "../services/core/errors.js";
import type { ServerIdentity } from "../services/core/server-identity.js";
import type { Topology } from "../services/gen/elastickv/v1/common.js";
import { TopologyServiceClient } from "../services/gen/elastickv/v1/master.js";
import { StoreServiceClient } from "../services/gen/elastickv/v1/store.js";
import { channelDefaults } from "../services/wire/channel.js";
import { fromServiceError } from "../services/wire/errors.js";
import { metadataFor } from "../services/wire/server-identity.js";

/** A process to measure: `master`, or a store by its id. */
export interface ProbeTarget {
  readonly name: string;
  readonly address: string;
  /** Who should answer there. */
  readonly expected: ServerIdentity;
}

/** How a probe calls. */
export interface ProbeOptions {
  /** Per call, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The masters among the seeds and every store of the topology. Throws when no seed answers. */
export async function findTargets(seeds: readonly string[], options: ProbeOptions): Promise<ProbeTarget[]> {
  const topology = await findTopology(seeds, options);
  const { clusterId } = topology;
  const stores = topology.stores.map(({ storeId, address }) => ({
    name: storeId,
    address,
    expected: { clusterId, storeId },
  }));
  const known = new Set(stores.map(({ address }) => address));
  const others = seeds.filter((seed) => !known.has(seed));
  const expected = { clusterId, storeId: "" };
  const areStores = await Promise.all(others.map((seed) => isStore(seed, expected, options)));
  const masters = others.filter((_seed, i) => areStores[i] === false);
  return [...masters.map((address) => ({ name: "master", address, expected })), ...stores];
}

async function findTopology(seeds: readonly string[], options: ProbeOptions): Promise<Topology> {
  let failure: unknown = new EkvError("UNAVAILABLE", "no seed is given");
  for (const seed of seeds) {
    const client = new TopologyServiceClient(seed, credentials.createInsecure(), channelDefaults);
    try {
      const { topology } = await unary<{ topology: Topology | undefined }>((done) =>
        client.getTopology({}, new Metadata(), deadlineOf(options), done),
      );
      if (topology) return topology;
      failure = new EkvError("INTERNAL", `${seed} answered no topology`);
    } catch (error) {
      failure = error;
    } finally {
      client.close();
    }
  }
  throw failure;
}

/** Whether a seed is a store of the cluster, reached by another name; only a master lacks the store's service. */
async function isStore(seed: string, cluster: ServerIdentity, options: ProbeOptions): Promise<boolean> {
  const client = new StoreServiceClient(seed, credentials.createInsecure(), channelDefaults);
  try {
    await unary((done) => client.getStoreStatus({}, metadataFor(cluster), deadlineOf(options), done));
    return true;
  } catch {
    return false;
  } finally {
    client.close();
  }
}

/**
 * Calls Lookup `count` times, one call after the other, on one connection that is warm, and returns the times in
 * milliseconds. Failed calls are counted; the last one's error is kept.
 */
export async function measureRoundTrips(
  { address, expected }: Pick<ProbeTarget, "address" | "expected">,
  count: number,
  options: ProbeOptions,
): Promise<{ readonly timesMs: number[]; readonly failures: number; readonly error: EkvError | undefined }> {
  const client = new TopologyServiceClient(address, credentials.createInsecure(), channelDefaults);
  const metadata = metadataFor(expected);
  const call = (): Promise<unknown> =>
    unary((done) => client.lookup({ key: new Uint8Array([0]) }, metadata, deadlineOf(options), done));
  const failureOf = (cause: unknown): EkvError => takenOver(fromServiceError(cause), address, expected);
  const timesMs: number[] = [];
  let failures = 0;
  let error: EkvError | undefined;
  try {
    await call();
    for (let i = 0; i < count && !options.signal.aborted; i += 1) {
      const startedMs = performance.now();
      try {
        await call();
        timesMs.push(performance.now() - startedMs);
      } catch (cause) {
        failures += 1;
        error = failureOf(cause);
      }
    }
  } catch (cause) {
    // Nobody answered the first call: the others would only wait as long.
    failures = count;
    error = failureOf(cause);
  } finally {
    client.close();
  }
  return { timesMs, failures, error };
}

function deadlineOf(options: ProbeOptions): { readonly deadline: number } {
  return { deadline: Date.now() + options.timeoutMs };
}

function unary<T>(start: (done: (error: ServiceError | null, response: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, response) => {
      if (error) reject(fromServiceError(error));
      else resolve(response);
    });
  });
}

/** The value below which a fraction of the sorted values lie (nearest rank); undefined of nothing. */
export function quantile(sorted: readonly number[], fraction: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)];
}
