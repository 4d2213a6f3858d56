/** Core's topology types to and from the generated messages. */
import type {
  ClusterId,
  Epoch,
  Incarnation,
  MoveId,
  PartitionId,
  StoreId,
  Term,
  TopologyVersion,
} from "../core/ids.js";
import { brandAs } from "../core/ids.js";
import type {
  PartitionEntry,
  Replica,
  StoreEndpoint,
  StoreState,
  Topology,
  TopologyDelta,
  Version,
} from "../core/topology.js";
import type * as wire from "../gen/elastickv/v1/common.js";
import { StoreState as WireStoreState } from "../gen/elastickv/v1/common.js";

export function versionFromWire(version: wire.Version): Version {
  return { epoch: brandAs<Epoch>(version.epoch), seq: version.seq };
}

export function replicaFromWire(replica: wire.Replica): Replica {
  return {
    storeId: brandAs<StoreId>(replica.storeId),
    incarnation: brandAs<Incarnation>(replica.incarnation),
  };
}

export function replicaToWire(replica: Replica): wire.Replica {
  return { storeId: replica.storeId, incarnation: replica.incarnation };
}

export function entryFromWire(entry: wire.PartitionEntry): PartitionEntry {
  return {
    partition: brandAs<PartitionId>(entry.partition),
    epoch: brandAs<Epoch>(entry.epoch),
    primary: entry.primary && replicaFromWire(entry.primary),
    backups: entry.backups.map(replicaFromWire),
    learners: entry.learners.flatMap((learner) =>
      learner.replica
        ? [{ replica: replicaFromWire(learner.replica), moveId: brandAs<MoveId>(learner.moveId) }]
        : [],
    ),
    halted: entry.halted,
  };
}

export function entryToWire(entry: PartitionEntry): wire.PartitionEntry {
  return {
    partition: entry.partition,
    epoch: entry.epoch,
    primary: entry.primary && replicaToWire(entry.primary),
    backups: entry.backups.map(replicaToWire),
    learners: entry.learners.map((learner) => ({
      replica: replicaToWire(learner.replica),
      moveId: learner.moveId,
    })),
    halted: entry.halted,
  };
}

const stateToWire: Readonly<Record<StoreState, WireStoreState>> = {
  joining: WireStoreState.JOINING,
  active: WireStoreState.ACTIVE,
  draining: WireStoreState.DRAINING,
};

/** An unknown state is read as `joining`: known, and given nothing. */
function storeStateFromWire(state: WireStoreState): StoreState {
  if (state === WireStoreState.ACTIVE) return "active";
  return state === WireStoreState.DRAINING ? "draining" : "joining";
}

export function storeStateToWire(state: StoreState): WireStoreState {
  return stateToWire[state];
}

function endpointFromWire(store: wire.StoreEndpoint): StoreEndpoint {
  return {
    storeId: brandAs<StoreId>(store.storeId),
    incarnation: brandAs<Incarnation>(store.incarnation),
    address: store.address,
    alive: store.alive,
    state: storeStateFromWire(store.state),
  };
}

export function endpointToWire(store: StoreEndpoint): wire.StoreEndpoint {
  return { ...store, state: stateToWire[store.state] };
}

export function topologyFromWire(topology: wire.Topology): Topology {
  return {
    clusterId: brandAs<ClusterId>(topology.clusterId),
    partitionCount: topology.partitionCount,
    version: brandAs<TopologyVersion>(topology.version),
    term: brandAs<Term>(topology.term),
    stores: topology.stores.map(endpointFromWire),
    partitions: topology.partitions.map(entryFromWire),
  };
}

export function topologyToWire(topology: Topology): wire.Topology {
  return {
    ...topology,
    stores: topology.stores.map(endpointToWire),
    partitions: topology.partitions.map(entryToWire),
  };
}

export function deltaFromWire(delta: wire.TopologyDelta): TopologyDelta {
  return {
    fromVersion: brandAs<TopologyVersion>(delta.fromVersion),
    version: brandAs<TopologyVersion>(delta.version),
    term: brandAs<Term>(delta.term),
    stores: delta.stores.map(endpointFromWire),
    removedStoreIds: delta.removedStoreIds.map((id) => brandAs<StoreId>(id)),
    partitions: delta.partitions.map(entryFromWire),
  };
}

export function deltaToWire(delta: TopologyDelta): wire.TopologyDelta {
  return {
    ...delta,
    stores: delta.stores.map(endpointToWire),
    removedStoreIds: [...delta.removedStoreIds],
    partitions: delta.partitions.map(entryToWire),
  };
}
