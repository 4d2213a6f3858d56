import type { Measurement } from "../../contest.js";
import { barChart } from "../../plot/bar-chart.js";
import type { Plot } from "../../report/findings.js";
import { spread } from "../../report/median.js";
import type { PeerScenario } from "./scenarios.js";

/** One colour for each kind of subject. */
const colourOf = (subject: string): number =>
  ["elastic-kv", "redis", "etcd", "valkey"].findIndex((prefix) => subject.startsWith(prefix)) + 1;

/** Throughput of every subject, a picture for each scenario. */
export function peerPlots(measured: ReadonlyMap<PeerScenario["id"], readonly Measurement[]>): Plot[] {
  return [...measured].map(([id, measurements]) => {
    const title = `${measurements[0]?.scenario ?? id}: operations a second`;
    const bars = measurements.map(({ subject, rounds }) => ({
      name: subject,
      value: spread(rounds.map(({ operationsPerSecond }) => operationsPerSecond)),
      // The limits in grey.
      colour: (colourOf(subject) + 6) % 7,
    }));
    return { name: id, title, svg: barChart(title, "ops/s", bars) };
  });
}
