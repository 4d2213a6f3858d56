/** The cluster as operators are shown it: committed ownership, with the last load that stores reported. */
import { brandAs, type PartitionId } from "../core/ids.js";
import type { CommittedView } from "../core/master/state/committed-view.js";
import type { MasterMachine } from "../core/master/machine.js";
import type { PlacementName } from "../core/placement/policy.js";
import type { Launcher } from "../core/ports/launcher.js";
import type {
  DescribeRingResponse,
  GetClusterStatusResponse,
  RingRange,
  StoreInfo,
} from "../gen/elastickv/v1/master.js";
import { storeStateToWire } from "../wire/topology.js";
import { loadToWire } from "./wire.js";

/** The KVStoreMap, ordered by store id. */
export function describeStores(view: CommittedView, machine: MasterMachine): StoreInfo[] {
  return view.stores().map((info) => {
    const load = machine.load(info.storeId);
    const { problems, engine = "", durability = "", dataLoss } = machine.notesOf(info.storeId);
    return {
      storeId: info.storeId,
      incarnation: info.incarnation,
      ip: info.ip,
      heartbeatPort: info.heartbeatPort,
      addDropPort: info.addDropPort,
      clientPort: info.clientPort,
      alive: info.alive,
      state: storeStateToWire(info.state),
      keyNum: info.keyNum,
      keyRange: info.keyRange.map((range) => ({ ...range })),
      leftStoreId: info.leftStoreId ?? "",
      rightStoreId: info.rightStoreId ?? "",
      lastHeartbeatMs: info.lastHeartbeatMs,
      load: load && loadToWire(load),
      partitions: info.partitions,
      problems: [...problems],
      engine,
      durability,
      dataLoss: dataLoss && { storeId: info.storeId, ...dataLoss },
    };
  });
}

/** The ring as merged ranges. */
export function describeRing(view: CommittedView, machine: MasterMachine): DescribeRingResponse {
  const { partitionCount, version } = view.topology;
  const ranges = view.ring.displayHashRing().map((range): RingRange => {
    let keys = 0;
    let bytes = 0;
    for (let i = 0; i < range.partitions; i += 1) {
      const size = machine.size(brandAs<PartitionId>(range.firstPartition + i));
      keys += size.keys;
      bytes += size.bytes;
    }
    const { storeId, partitions } = range;
    return { range: { ...range.range }, storeId: storeId ?? "", partitions, keys, bytes };
  });
  return { partitionCount, topologyVersion: version, ranges };
}

/** The cluster at a glance. */
export function describeStatus(
  view: CommittedView,
  machine: MasterMachine,
  options: {
    readonly placement: PlacementName;
    readonly launcher: Launcher["name"];
    /** What is wrong at the master. */
    readonly problems: readonly string[];
  },
): GetClusterStatusResponse {
  const { topology } = view;
  const alive = new Map(
    topology.stores.filter((store) => store.alive).map((store) => [store.storeId, store.incarnation]),
  );
  let unassigned = 0;
  let unavailable = 0;
  let keys = 0;
  let bytes = 0;
  for (const { partition, primary, halted } of topology.partitions) {
    const size = machine.size(partition);
    keys += size.keys;
    bytes += size.bytes;
    if (primary === undefined) unassigned += 1;
    else if (halted || alive.get(primary.storeId) !== primary.incarnation) unavailable += 1;
  }
  return {
    clusterId: topology.clusterId,
    partitionCount: topology.partitionCount,
    topologyVersion: topology.version,
    term: topology.term,
    storesAlive: alive.size,
    storesTotal: topology.stores.length,
    keys,
    bytes,
    partitionsUnassigned: unassigned,
    partitionsUnavailable: unavailable,
    operationsActive: view.operations().filter(({ operation }) => operation.stage.kind !== "finished").length,
    migratingStoreIds: [...machine.migratingStores()],
    placement: options.placement,
    launcher: options.launcher,
    problems: [...options.problems],
    storeProblems: machine
      .troubledStores()
      .flatMap((storeId) => machine.notesOf(storeId).problems.map((problem) => ({ storeId, problem }))),
    dataLosses: topology.stores.flatMap(({ storeId }) => {
      const { dataLoss } = machine.notesOf(storeId);
      return dataLoss === undefined ? [] : { storeId, ...dataLoss };
    }),
  };
}
