import { splitHostPort } from "../../host-port.js";
import type { RingRange } from "../../consistent-hash-map.js";
import { type KVStoreInfo, neighboursOf } from "../../kv-store-map.js";
import type { StoreEndpoint } from "../../topology.js";

/** A store's value in the KVStoreMap: who it is now, with the load and ranges that were known before. */
export function describeStore(endpoint: StoreEndpoint, before: KVStoreInfo | undefined): KVStoreInfo {
  const { host, port } = splitHostPort(endpoint.address);
  return {
    keyNum: 0,
    keyRange: [],
    partitions: 0,
    leftStoreId: undefined,
    rightStoreId: undefined,
    lastHeartbeatMs: 0,
    ...before,
    storeId: endpoint.storeId,
    incarnation: endpoint.incarnation,
    ip: host,
    heartbeatPort: port,
    addDropPort: port,
    clientPort: port,
    alive: endpoint.alive,
    state: endpoint.state,
  };
}

/** The same with the ranges and neighbours of the ring as it is. `ranges` is what the ring displays. */
export function describeRanges(info: KVStoreInfo, ranges: readonly RingRange[]): KVStoreInfo {
  const own = ranges.filter(({ storeId }) => storeId === info.storeId);
  const { left, right } = neighboursOf(ranges, info.storeId);
  return {
    ...info,
    keyRange: own.map(({ range }) => range),
    partitions: own.reduce((sum, { partitions }) => sum + partitions, 0),
    leftStoreId: left,
    rightStoreId: right,
  };
}
