import {
  brandAs,
  type ClusterId,
  type Epoch,
  type Incarnation,
  type PartitionId,
  type StoreId,
  type Term,
  type TopologyVersion,
} from "../../../services/core/ids.js";
import type { Topology } from "../../../services/core/topology.js";

/** A cluster of one store at `address`, which owns everything. */
export function topologyOfOne(address: string, partitionCount: number): Topology {
  const replica = { storeId: brandAs<StoreId>("null"), incarnation: brandAs<Incarnation>(1) };
  return {
    clusterId: brandAs<ClusterId>("null"),
    partitionCount,
    version: brandAs<TopologyVersion>(1),
    term: brandAs<Term>(1),
    stores: [{ ...replica, address, alive: true, state: "active" }],
    partitions: Array.from({ length: partitionCount }, (_, partition) => ({
      partition: brandAs<PartitionId>(partition),
      epoch: brandAs<Epoch>(1),
      primary: replica,
      backups: [],
      learners: [],
      halted: false,
    })),
  };
}
