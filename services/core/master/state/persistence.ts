/**
 * Records to and from the texts of the metadata store. Keys: `cluster`, `term`, `counters`, `store/<id>`,
 * `partition/<n>`, `operation/<id>`, `move/<id>`.
 */
import { EkvError } from "../../errors.js";
import { brandAs, type Epoch, type PartitionId, type Term, type TopologyVersion } from "../../ids.js";
import type { MetadataChange } from "../../ports/metadata-store.js";
import type { PartitionEntry } from "../../topology.js";
import { type FormerMoveRecord, readMove } from "./former-records.js";
import type { ClusterRecord, Counters, MoveRecord, OperationRecord, StoreRecord } from "./records.js";

/** Everything that a master starts from. */
export interface MasterRecords {
  readonly cluster: ClusterRecord;
  readonly term: Term;
  readonly counters: Counters;
  readonly stores: readonly StoreRecord[];
  /** Index = partition id. */
  readonly entries: readonly PartitionEntry[];
  readonly operations: readonly OperationRecord[];
  readonly moves: readonly MoveRecord[];
}

/** The entry of a partition that was never assigned. */
function unassignedEntry(partition: PartitionId): PartitionEntry {
  return {
    partition,
    epoch: brandAs<Epoch>(0),
    primary: undefined,
    backups: [],
    learners: [],
    halted: false,
  };
}

/** The one change that creates a cluster. */
export function clusterChange(cluster: ClusterRecord): MetadataChange {
  return { key: "cluster", value: JSON.stringify(cluster) };
}

export function termChange(term: Term): MetadataChange {
  return { key: "term", value: JSON.stringify(term) };
}

export function countersChange(counters: Counters): MetadataChange {
  return { key: "counters", value: JSON.stringify(counters) };
}

export function storeChange(id: string, store: StoreRecord | undefined): MetadataChange {
  return { key: `store/${id}`, value: store && JSON.stringify(store) };
}

export function entryChange(entry: PartitionEntry): MetadataChange {
  return { key: `partition/${entry.partition}`, value: JSON.stringify(entry) };
}

export function operationChange(id: string, operation: OperationRecord | undefined): MetadataChange {
  return { key: `operation/${id}`, value: operation && JSON.stringify(operation) };
}

export function moveChange(id: string, move: MoveRecord | undefined): MetadataChange {
  return { key: `move/${id}`, value: move && JSON.stringify(move) };
}

/** The cluster of a metadata store, or undefined while there is none. */
export function readCluster(snapshot: ReadonlyMap<string, string>): ClusterRecord | undefined {
  const text = snapshot.get("cluster");
  return text === undefined ? undefined : parse<ClusterRecord>("cluster", text);
}

/** The last term that was used, 0 before the first. */
export function readTerm(snapshot: ReadonlyMap<string, string>): Term {
  return brandAs<Term>(Number(snapshot.get("term") ?? 0));
}

/** Reads everything. Throws FAILED_PRECONDITION when there is no cluster, INTERNAL when a record is damaged. */
export function readRecords(snapshot: ReadonlyMap<string, string>): MasterRecords {
  const cluster = readCluster(snapshot);
  if (cluster === undefined) {
    throw new EkvError("FAILED_PRECONDITION", "there is no cluster in the metadata store; create one first");
  }
  const entries = Array.from({ length: cluster.partitionCount }, (_, i) =>
    unassignedEntry(brandAs<PartitionId>(i)),
  );
  const stores: StoreRecord[] = [];
  const operations: OperationRecord[] = [];
  const moves: MoveRecord[] = [];
  for (const [key, text] of snapshot) {
    const kind = key.slice(0, key.indexOf("/"));
    if (kind === "store") stores.push(parse<StoreRecord>(key, text));
    else if (kind === "operation") operations.push(parse<OperationRecord>(key, text));
    else if (kind === "move") moves.push(readMove(parse<MoveRecord | FormerMoveRecord>(key, text)));
    else if (kind === "partition") {
      const entry = parse<PartitionEntry>(key, text);
      entries[entry.partition] = { ...entry, primary: entry.primary };
    }
  }
  const counters = snapshot.get("counters");
  return {
    cluster,
    term: readTerm(snapshot),
    counters:
      counters === undefined
        ? { topologyVersion: brandAs<TopologyVersion>(0), operations: 0, moves: 0 }
        : parse<Counters>("counters", counters),
    stores,
    entries,
    operations: operations.sort((a, b) => ordinal(a.id) - ordinal(b.id)),
    moves: moves.sort((a, b) => ordinal(a.id) - ordinal(b.id)),
  };
}

/** The number in an id such as `operation-17`. */
export function ordinal(id: string): number {
  return Number(id.slice(id.lastIndexOf("-") + 1));
}

function parse<T>(key: string, text: string): T {
  try {
    // The texts are written by this module alone, in a folder that one master holds.
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new EkvError(
      "INTERNAL",
      `the master's record ${key} is damaged; restore its folder from a backup`,
      {
        cause,
      },
    );
  }
}
