import { credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { takenOver } from "../services/core/checks.js";
import { EkvError } from "../services/core/errors.js";
import { startRace } from "../services/core/retry/race.js";
import type { ServerIdentity } from "../services/core/server-identity.js";
import type { Topology } from "../services/gen/elastickv/v1/common.js";
import { TopologyServiceClient } from "../services/gen/elastickv/v1/master.js";
import { StoreServiceClient } from "../services/gen/elastickv/v1/store.js";
import { systemClock } from "../services/runtime/clock.js";
import { channelDefaults } from "../services/wire/grpc-channel.js";
import { describeFailures, type SeedFailure } from "../client/seed-failure.js";
import { fromServiceError, lacksCall } from "../services/wire/errors.js";
import { metadataFor } from "../services/wire/server-identity.js";

/** A seed that takes longer to say what it is counts as silent, in milliseconds. */
const silentAfterMs = 1000;

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

/**
 * The masters among the seeds and every store of the topology. While no master answers, every silent seed counts as one. Throws
 * when no seed answers.
 */
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
  // One has answered already.
  const timeoutMs = Math.min(options.timeoutMs, silentAfterMs);
  const roles = await Promise.all(others.map((seed) => roleOf(seed, expected, { ...options, timeoutMs })));
  // Of seeds that are silent, none need be a master while one answers.
  const role = roles.includes("master") ? "master" : "silent";
  const masters = others.filter((_seed, i) => roles[i] === role);
  return [...masters.map((address) => ({ name: "master", address, expected })), ...stores];
}

/** The topology of the first seed that has one. They are asked side by side, so that a silent one holds nobody up. */
function findTopology(seeds: readonly string[], options: ProbeOptions): Promise<Topology> {
  return new Promise((resolve, reject) => {
    startRace<string, EkvError>({
      candidates: seeds,
      clock: systemClock,
      begin: (seed, attempt) => {
        const client = new TopologyServiceClient(seed, credentials.createInsecure(), channelDefaults);
        const call = client.getTopology({}, new Metadata(), deadlineOf(options), (error, response) => {
          client.close();
          if (error) return attempt.failed(fromServiceError(error));
          if (response.topology === undefined) {
            return attempt.failed(new EkvError("INTERNAL", "it knows no topology"));
          }
          resolve(response.topology);
          attempt.won();
        });
        return () => call.cancel();
      },
      lost: (failed) => {
        const failures: SeedFailure[] = failed.map(({ candidate, reason }) => ({
          address: candidate,
          reason,
          refusal: undefined,
        }));
        const last = failures.at(-1)?.reason;
        const message = `no seed answers (${describeFailures(failures)})`;
        reject(new EkvError(last?.code ?? "UNAVAILABLE", message, { notExecuted: true, cause: last }));
      },
    });
  });
}

/** What a seed is that no store has for its address: a store, by another name; or a master, which lacks the store's service. */
async function roleOf(
  seed: string,
  cluster: ServerIdentity,
  options: ProbeOptions,
): Promise<"store" | "master" | "silent"> {
  const client = new StoreServiceClient(seed, credentials.createInsecure(), channelDefaults);
  try {
    await unary((done) => client.getStoreStatus({}, metadataFor(cluster), deadlineOf(options), done));
    return "store";
  } catch (error) {
    return lacksCall(fromServiceError(error)) ? "master" : "silent";
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
