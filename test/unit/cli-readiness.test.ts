import assert from "node:assert/strict";
import { test } from "node:test";
import { whatIsMissing } from "../../cli/up/readiness.js";
import { StoreState } from "../../services/gen/elastickv/v1/common.js";
import type { GetClusterStatusResponse, StoreInfo } from "../../services/gen/elastickv/v1/master.js";

const load = {
  keys: 0,
  bytes: 0,
  readsPerSecond: 0,
  writesPerSecond: 0,
  partitions: [],
  eventLoopDelayP99Ms: 0,
  residentBytes: 0,
  expiryLagMs: 0,
};

function storeOf(storeId: string, change: Partial<StoreInfo> = {}): StoreInfo {
  return {
    storeId,
    incarnation: 1,
    ip: "127.0.0.1",
    heartbeatPort: 1,
    addDropPort: 1,
    clientPort: 1,
    alive: true,
    state: StoreState.ACTIVE,
    keyNum: 0,
    keyRange: [],
    leftStoreId: "",
    rightStoreId: "",
    lastHeartbeatMs: 1,
    load,
    partitions: 1,
    problems: [],
    engine: "log",
    durability: "commit",
    dataLoss: undefined,
    ...change,
  };
}

function statusOf(change: Partial<GetClusterStatusResponse> = {}): GetClusterStatusResponse {
  return {
    clusterId: "c",
    partitionCount: 4,
    topologyVersion: 1,
    term: 1,
    storesAlive: 2,
    storesTotal: 2,
    keys: 0,
    bytes: 0,
    partitionsUnassigned: 0,
    partitionsUnavailable: 0,
    operationsActive: 0,
    migratingStoreIds: [],
    placement: "balanced",
    launcher: "process",
    problems: [],
    storeProblems: [],
    dataLosses: [],
    ...change,
  };
}

test("a cluster is ready when every store lives and reports and every partition is served", () => {
  const stores = [storeOf("a"), storeOf("b")];
  assert.equal(whatIsMissing(statusOf(), stores, 2), undefined);
  assert.equal(whatIsMissing(statusOf(), stores, 3), "1 store not yet registered");
  assert.equal(
    whatIsMissing(statusOf({ partitionsUnassigned: 4 }), stores, 2),
    "4 partitions not yet assigned",
  );
  assert.equal(
    whatIsMissing(statusOf({ partitionsUnavailable: 1 }), stores, 2),
    "1 partition not yet available",
  );
  assert.equal(whatIsMissing(statusOf(), [storeOf("a"), storeOf("b", { alive: false })], 2), "b not alive");
  const refused = storeOf("b", { alive: false, problems: ["refused: it lacks its data"] });
  assert.equal(
    whatIsMissing(statusOf(), [storeOf("a"), refused], 2),
    "b not alive: refused: it lacks its data",
  );
  assert.equal(whatIsMissing(statusOf({ problems: ["its disk is full"] }), [], 2), "its disk is full");
  const newcomer = { storeId: "c", problem: "refused: it lacks its data" };
  assert.equal(
    whatIsMissing(statusOf({ storeProblems: [newcomer] }), stores, 3),
    "1 store not yet registered; c: refused: it lacks its data",
  );
  assert.equal(
    whatIsMissing(statusOf(), [storeOf("a"), storeOf("b", { load: undefined })], 2),
    "b not yet reported",
  );
});
