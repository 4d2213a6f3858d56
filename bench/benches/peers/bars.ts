import type { Measurement } from "../../contest.js";
import type { RunResult } from "../../load/job.js";
import type { Bar } from "../../report/bar.js";
import { medianOf } from "../../report/summary.js";
import type { PeerScenario } from "./scenarios.js";

type ScenarioId = PeerScenario["id"];

const throughput = (round: RunResult): number => round.operationsPerSecond;
const medianLatency = (round: RunResult): number => round.all.p50Us;

/** What is to be reached against the peers, from the measurements of each scenario. */
export function peerBars(measured: ReadonlyMap<ScenarioId, readonly Measurement[]>): Bar[] {
  const figure = (
    id: ScenarioId,
    subject: string | RegExp,
    pick: (round: RunResult) => number = throughput,
  ): number | undefined => {
    const matching = (measured.get(id) ?? []).filter((measurement) =>
      typeof subject === "string" ? measurement.subject === subject : subject.test(measurement.subject),
    );
    if (matching.length === 0) return undefined;
    return Math.max(...matching.map((measurement) => medianOf(measurement, pick)));
  };
  const ratio = (above: number | undefined, below: number | undefined): number | undefined =>
    above === undefined || below === undefined ? undefined : above / below;
  const overRedis = (id: ScenarioId): number | undefined =>
    ratio(figure(id, "elastic-kv"), figure(id, /^redis/));
  return [
    bar("95 % reads, 100 in flight ÷ best Redis client", overRedis("reads-100"), 1.5),
    bar("95 % reads, 1,000 in flight ÷ best Redis client", overRedis("reads-1000"), 3),
    bar("50 % reads, 100 in flight ÷ best Redis client", overRedis("half-100"), 1.2),
    bar(
      "95 % reads, 100 in flight ÷ etcd",
      ratio(figure("reads-100", "elastic-kv"), figure("reads-100", "etcd")),
      20,
    ),
    {
      text: "one call in flight: p50 ÷ ioredis",
      value: ratio(
        figure("reads-1", "elastic-kv", medianLatency),
        figure("reads-1", "redis, ioredis", medianLatency),
      ),
      required: 1.5,
      direction: "at most",
    },
    bar("100 connections, one call each, calls/s", figure("connections-100", "elastic-kv"), 8000),
    bar(
      "100 connections, unary ÷ bare grpc-js server",
      ratio(
        figure("connections-100", "elastic-kv, 1 store, unary"),
        figure("connections-100", "bare grpc-js, unary"),
      ),
      0.9,
    ),
  ];
}

function bar(text: string, value: number | undefined, required: number): Bar {
  return { text, value, required, direction: "at least" };
}
