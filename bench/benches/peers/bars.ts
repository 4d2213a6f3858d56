import type { Measurement } from "../../contest.js";
import type { RunResult } from "../../load/job.js";
import { atLeast, atMost, type Bar } from "../../report/bar.js";
import { medianOf } from "../../report/summary.js";
import type { PeerScenario } from "./scenarios.js";

type ScenarioId = PeerScenario["id"];
type Measured = ReadonlyMap<ScenarioId, readonly Measurement[]>;

/** From this version of Node on, node-redis does two to three times as much. */
const fasterPeersNodeMajor = 24;

const throughput = (round: RunResult): number => round.operationsPerSecond;
const medianLatency = (round: RunResult): number => round.all.p50Us;

/** Medians of every subject of a scenario whose name matches. */
function medians(
  measured: Measured,
  id: ScenarioId,
  subject: string | RegExp,
  pick: (round: RunResult) => number,
): number[] {
  return (measured.get(id) ?? [])
    .filter((measurement) =>
      typeof subject === "string" ? measurement.subject === subject : subject.test(measurement.subject),
    )
    .map((measurement) => medianOf(measurement, pick));
}

/** Throughput of a subject over that of the best of others; undefined when one of them was left out. */
function throughputRatio(
  measured: Measured,
  id: ScenarioId,
  subject: string,
  others: string | RegExp,
): number | undefined {
  const [above] = medians(measured, id, subject, throughput);
  const below = medians(measured, id, others, throughput);
  return above === undefined || below.length === 0 ? undefined : above / Math.max(...below);
}

/** Median latency of one call over that of the quickest of others; undefined when one of them was left out. */
function latencyRatio(measured: Measured, others: string | RegExp): number | undefined {
  const [above] = medians(measured, "reads-1", "elastic-kv", medianLatency);
  const below = medians(measured, "reads-1", others, medianLatency);
  return above === undefined || below.length === 0 ? undefined : above / Math.min(...below);
}

/** What is to be reached against the peers, from the measurements of each scenario, on a version of Node. */
export function peerBars(measured: Measured, nodeMajor: number): Bar[] {
  const ratio = (id: ScenarioId, others: string | RegExp): number | undefined =>
    throughputRatio(measured, id, "elastic-kv", others);
  const valkeyReads = nodeMajor >= fasterPeersNodeMajor ? 1.25 : 1.5;
  return [
    atLeast("95 % reads, 100 in flight ÷ best Valkey client", ratio("reads-100", /^valkey/), valkeyReads),
    atLeast("95 % reads, 1,000 in flight ÷ best Valkey client", ratio("reads-1000", /^valkey/), 2.5),
    atLeast("50 % reads, 100 in flight ÷ best Valkey client", ratio("half-100", /^valkey/), 1.3),
    atMost("one call in flight: p50 ÷ best Valkey client", latencyRatio(measured, /^valkey/), 1.4),
    atLeast("95 % reads, 100 in flight ÷ best Redis client", ratio("reads-100", /^redis/), 1.5),
    atLeast("95 % reads, 1,000 in flight ÷ best Redis client", ratio("reads-1000", /^redis/), 3),
    atLeast("50 % reads, 100 in flight ÷ best Redis client", ratio("half-100", /^redis/), 1.2),
    atMost("one call in flight: p50 ÷ ioredis with Redis", latencyRatio(measured, "redis, ioredis"), 1.5),
    atLeast("95 % reads, 100 in flight ÷ etcd", ratio("reads-100", "etcd"), 20),
    atLeast(
      "100 connections, one call each, calls/s",
      medians(measured, "connections-100", "elastic-kv", throughput)[0],
      8000,
    ),
    atLeast(
      "100 connections, unary ÷ bare grpc-js server",
      throughputRatio(measured, "connections-100", "elastic-kv, 1 store, unary", "bare grpc-js, unary"),
      0.9,
    ),
  ];
}
