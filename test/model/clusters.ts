import { runLeasePair } from "./lease-pair/lease-pair.js";
import { type ModelOptions, basicOptions } from "./options.js";
import type { Rules } from "./rules.js";
import { type RunResult, runSeed } from "./run.js";

/** A kind of cluster that the models run, by name. */
export interface ClusterKind {
  readonly name: string;
  /** What it is there for. */
  readonly what: string;
  /** Replicas of a partition. */
  readonly factor: number;
  /** The same seed and rules give the same run. */
  readonly run: (seed: number, rules: Rules, keepsTrace?: boolean) => RunResult;
}

const leases: Partial<ModelOptions> = { power: false, leases: true, steps: 900 };
const threefold: Partial<ModelOptions> = { factor: 3, stores: 5, deaths: true };

/** Every kind of cluster; `--cluster` picks among them. */
export const clusterKinds: readonly ClusterKind[] = [
  kind("single", "one replica, power cuts", { factor: 1 }),
  kind("pair", "two replicas, power cuts", {}),
  kind("triple", "three replicas, power cuts, stores lost for good", threefold),
  kind(
    "triple-kept",
    "three replicas, power cuts, replicas that were dropped may be the last to have a write",
    {
      factor: 3,
    },
  ),
  kind("renames", "two replicas, killed stores renamed in place", { renames: true }),
  kind("triple-renames", "three replicas, killed stores renamed in place", { ...threefold, renames: true }),
  kind("leases", "two replicas, primaries that do not hear of their successors", leases),
  kind("leases-triple", "the same with three replicas", { ...leases, factor: 3 }),
  kind("early", "two replicas, new primaries that serve before former leases are out", {
    ...leases,
    early: true,
  }),
  kind("early-triple", "three replicas, new primaries that serve before former leases are out", {
    ...leases,
    factor: 3,
    early: true,
  }),
  kind("armed", "two replicas, hand-offs without the master in the pause", { armed: true, partitions: 1 }),
  kind("armed-triple", "the same with three replicas, and stores that are lost for good", {
    ...threefold,
    armed: true,
    partitions: 1,
  }),
  kind("armed-leases", "the same with primaries that do not hear of their successors", {
    ...leases,
    armed: true,
    partitions: 1,
  }),
  { name: "lease-pair", what: "leases alone, between two stores", factor: 2, run: runLeasePair },
];

function kind(name: string, what: string, options: Partial<ModelOptions>): ClusterKind {
  const all = { ...basicOptions, ...options };
  return {
    name,
    what,
    factor: all.factor,
    run: (seed, rules, keepsTrace) => runSeed(seed, all, rules, keepsTrace),
  };
}
