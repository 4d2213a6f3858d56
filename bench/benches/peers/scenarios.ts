import type { Scenario } from "../../contest.js";
import { readUpdateMix } from "../../workload/workload.js";

/** A scenario, and which subjects take part. */
export interface PeerScenario extends Scenario {
  readonly id: "reads-1" | "reads-100" | "reads-1000" | "half-100" | "connections-100";
  admits(subject: string): boolean;
}

/** Who makes calls through a connection of its own, one after the other. */
const manyConnections = /^(elastic-kv|(redis|valkey), ioredis$|bare grpc-js)/;

/** The conditions under which peers are compared. */
export function peerScenarios(keys: number, valueBytes: number): PeerScenario[] {
  const shared = (subject: string): boolean => !/unary|1 store/.test(subject);
  const scenario = (
    id: PeerScenario["id"],
    reads: number,
    callsInFlight: number,
    connections: number,
    admits: PeerScenario["admits"],
  ): PeerScenario => {
    const workload = readUpdateMix(reads, keys, valueBytes);
    const spreadOver = connections === 1 ? "" : ` over ${connections} connections`;
    const name = `${workload.name}, ${callsInFlight.toLocaleString("en")} in flight${spreadOver}`;
    return { id, name, workload, shape: { kind: "closed", callsInFlight }, connections, admits };
  };
  return [
    scenario("reads-1", 0.95, 1, 1, shared),
    scenario("reads-100", 0.95, 100, 1, shared),
    scenario("reads-1000", 0.95, 1000, 1, shared),
    scenario("half-100", 0.5, 100, 1, shared),
    scenario("connections-100", 0.95, 100, 100, (subject) => manyConnections.test(subject)),
  ];
}
