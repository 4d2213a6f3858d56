/** How a store gets its incarnation, and what it holds is brought in line with what is committed. */
import { boundedText } from "../../checks.js";
import { EkvError } from "../../errors.js";
import { brandAs, type Incarnation, isStoreId, type StoreId } from "../../ids.js";
import { limits } from "../../limits.js";
import { hasRole, type PartitionEntry, type Replica, sameReplica } from "../../topology.js";
import type { HeldReplica, MasterEvent, Registration } from "../events.js";
import { awaitTargetAgain } from "../operations/moves.js";
import { succeedEntry } from "../operations/replica-set.js";
import { failMove, giveBack, reviewMoves, rollBack } from "../operations/rollback.js";
import { isInFlight } from "../operations/move-index.js";
import { forgetLeaveWish } from "./drain-requests.js";
import { decideSettingsRefusal } from "./data-settings.js";
import { heldViolation, registrationViolation } from "./registration-checks.js";
import { decideAddressRefusal } from "./address-conflict.js";
import { formCluster, joinUnasked } from "./bootstrap.js";
import type { DataLoss, StoreRecord } from "../state/records.js";
import { findLackingData, hasConfirmed } from "./holdings.js";
import { type MasterState, replicaOf } from "../state/state.js";
import { formatNoun } from "../../noun-count.js";

type RegisterEvent = Extract<MasterEvent, { kind: "register" }>;

/** Why a registration is refused, if so. */
function decideRegistrationRefusal(state: MasterState, registration: Registration): EkvError | undefined {
  const { storeId, clusterId, partitionCount } = registration;
  const { cluster } = state;
  const violation = registrationViolation(registration);
  if (violation) return violation;
  if (clusterId !== undefined && clusterId !== cluster.clusterId) {
    return refusal(
      `store ${storeId} belongs to cluster ${clusterId}, this is ${cluster.clusterId}; ` +
        "point it at its own master, or give it an empty data folder",
    );
  }
  if (partitionCount !== undefined && partitionCount !== cluster.partitionCount) {
    return refusal(
      `store ${storeId} counts ${formatNoun(partitionCount, "partition")}, this cluster has ${cluster.partitionCount}; ` +
        "give it an empty data folder",
    );
  }
  if (clusterId === undefined && registration.held.length > 0) {
    return refusal(`store ${storeId} holds partitions but names no cluster; its data folder is damaged`);
  }
  const unfit = heldViolation(registration.held, cluster.partitionCount);
  if (unfit) return unfit;
  const known = state.store(brandAs<StoreId>(storeId));
  const otherSettings = decideSettingsRefusal(known, state.stores(), registration);
  if (otherSettings !== undefined) return refusal(otherSettings);
  if (known === undefined && state.stores().length >= limits.storesMax) {
    return new EkvError(
      "RESOURCE_EXHAUSTED",
      `this cluster has ${limits.storesMax} stores already; remove some first`,
      { notExecuted: true },
    );
  }
  if (state.departed.get(brandAs<StoreId>(storeId)) === registration.processId) {
    return refusal(`store ${storeId} was removed from the cluster, and this process of it has ended`);
  }
  const taken = decideAddressRefusal(state, registration);
  if (taken !== undefined) return taken;
  const present = known?.registration;
  if (present?.hasIdentity === true && clusterId === undefined && !registration.dataLossAccepted) {
    return refusal(
      `store ${storeId} comes back without the data it had; give it its data folder again, ` +
        "or --accept-data-loss to go on with empty partitions",
    );
  }
  if (known === undefined || present === undefined || present.processId === registration.processId)
    return undefined;
  const { streamId, lastHeartbeatMs } = state.presence(brandAs<StoreId>(storeId));
  if (streamId !== undefined && state.nowMs - lastHeartbeatMs <= state.options.suspectAfterMs) {
    return refusal(
      `store ${storeId} runs already, at ${present.address}; stop it or choose another store id`,
    );
  }
  const lacking = registration.dataLossAccepted ? undefined : findLackingData(state, known, registration);
  return lacking === undefined
    ? undefined
    : refusal(
        `store ${storeId} comes back ${lacking}; give it the newest state of its data folder again, ` +
          "or --accept-data-loss to go on with what this one holds",
      );
}

function refusal(message: string): EkvError {
  return new EkvError("FAILED_PRECONDITION", message, { notExecuted: true });
}

/** Registers a store, or refuses to. */
export function handleRegister(state: MasterState, event: RegisterEvent): void {
  const { registration, requestId } = event;
  const error = decideRegistrationRefusal(state, registration);
  if (error) {
    state.notice("warn", "a registration was refused", {
      storeId: boundedText(registration.storeId),
      reason: boundedText(error.message),
    });
    noteRefusal(state, registration.storeId, error);
    state.emit({ kind: "reply", requestId, reply: { kind: "refused", error } });
    return;
  }
  const storeId = brandAs<StoreId>(registration.storeId);
  const before = state.store(storeId);
  adoptHeld(state, registration.held);
  const sameProcess = before?.registration?.processId === registration.processId;
  const dataLoss = sameProcess
    ? before.dataLoss
    : (findDataLoss(state, before, registration) ?? before?.dataLoss);
  const incarnation =
    sameProcess && before.registration
      ? before.registration.incarnation
      : nextIncarnation(storeId, before?.registration?.incarnation, registration.held);
  state.presence(storeId).lastHeartbeatMs = state.nowMs;
  state.setStore({
    storeId,
    state: before?.state ?? "joining",
    launched: before?.launched ?? state.options.scaled,
    weight: registration.weight,
    registration: {
      incarnation,
      processId: registration.processId,
      hasIdentity: registration.clusterId !== undefined,
      address: registration.address,
      alive: true,
    },
    pendingVersion: before?.pendingVersion,
    confirmedVersion: before?.confirmedVersion,
    engine: registration.engine ?? before?.engine,
    durability: registration.durability ?? before?.durability,
    dataLoss,
  });
  state.problems.forget(storeId);
  if (!sameProcess) {
    state.notice("info", "a store registered", { storeId, incarnation, address: registration.address });
    renewIncarnation(state, storeId, registration);
    forgetLeaveWish(state, storeId);
  }
  reviewMoves(state, storeId);
  state.emit({ kind: "reply", requestId, reply: { kind: "registered", incarnation } });
  if (state.unassigned === state.cluster.partitionCount) formCluster(state);
  else if (before?.registration === undefined) joinUnasked(state, storeId);
}

/** Keeps the refusal for operators: the store's own log may be out of their sight. */
function noteRefusal(state: MasterState, storeId: string, error: EkvError): void {
  if (!isStoreId(storeId)) return;
  state.problems.set(storeId, "registration", [`refused: ${boundedText(error.message)}`], state.nowMs);
}

/** What a new run of a store has lost with its former one; undefined: nothing that can be told. */
function findDataLoss(
  state: MasterState,
  before: StoreRecord | undefined,
  registration: Registration,
): DataLoss | undefined {
  if (before?.registration === undefined || state.ownedBy(before.storeId) === 0) return undefined;
  const isLost =
    registration.clusterId === undefined
      ? before.registration.hasIdentity
      : findLackingData(state, before, registration) !== undefined;
  if (!isLost) return undefined;
  const load = state.load(before.storeId);
  if (load?.keys === 0) return undefined;
  const keys = load?.keys ?? 0;
  state.notice("warn", "a store came back without the keys it held", { storeId: before.storeId, keys });
  return { atMs: state.wallMs, keys };
}

/** Higher than any that this store was ever known by, even if this master's records are older than the store's. */
function nextIncarnation(
  storeId: StoreId,
  last: Incarnation | undefined,
  held: readonly HeldReplica[],
): Incarnation {
  let highest: number = last ?? 0;
  for (const { entry } of held) {
    const named = [entry.primary, ...entry.backups, ...entry.learners.map(({ replica }) => replica)];
    for (const replica of named) {
      if (replica?.storeId === storeId) highest = Math.max(highest, replica.incarnation);
    }
  }
  return brandAs<Incarnation>(highest + 1);
}

/** Higher epochs are adopted; another owner at the same epoch halts the partition. */
function adoptHeld(state: MasterState, held: readonly HeldReplica[]): void {
  for (const { entry, keys, bytes } of held) {
    if (entry.partition >= state.cluster.partitionCount) continue;
    const known = state.entry(entry.partition);
    if (entry.epoch > known.epoch) adoptEntry(state, entry);
    else if (entry.epoch === known.epoch && !sameMembers(entry, known)) haltPartition(state, known);
    if (state.size(entry.partition).keys === 0) state.setSizes([{ partition: entry.partition, keys, bytes }]);
  }
}

function sameMembers(a: PartitionEntry, b: PartitionEntry): boolean {
  return (
    sameReplica(a.primary, b.primary) &&
    a.backups.length === b.backups.length &&
    a.backups.every((backup, i) => sameReplica(backup, b.backups[i]))
  );
}

function adoptEntry(state: MasterState, entry: PartitionEntry): void {
  state.notice("warn", "a store knows a newer entry than this master; it is adopted", {
    partition: entry.partition,
    epoch: entry.epoch,
    primary: entry.primary?.storeId ?? "",
  });
  state.setEntry({ ...entry, learners: [] });
  const move = state.moves.ofPartition(entry.partition);
  if (move === undefined) return;
  const { step } = move;
  // Whoever is a replica again must not be ordered to delete its copy.
  const isUndone = step.kind === "remove-replica" && hasRole(entry, step.storeId);
  if (isInFlight(move) || isUndone) failMove(state, move, "a store knows a newer owner of the partition");
}

function haltPartition(state: MasterState, entry: PartitionEntry): void {
  if (entry.halted) return;
  state.notice("error", "two owners are recorded for one epoch of a partition; it is halted", {
    partition: entry.partition,
    epoch: entry.epoch,
    primary: entry.primary?.storeId ?? "",
  });
  state.setEntry({ ...entry, halted: true, learners: [] });
  const move = state.moves.ofPartition(entry.partition);
  if (move && isInFlight(move)) failMove(state, move, "the partition is halted");
}

/** Names the store's new run wherever it is primary, and takes back what its old one was in the middle of. */
function renewIncarnation(state: MasterState, storeId: StoreId, registration: Registration): void {
  const store = state.store(storeId);
  if (store === undefined || state.ownedBy(storeId) === 0) return;
  const replica = replicaOf(store);
  let renewed = false;
  for (const { partition } of state.ring.entries()) {
    const entry = state.entry(partition);
    if (entry.primary?.storeId !== storeId || entry.halted) continue;
    const move = state.moves.ofPartition(partition);
    if (move && isInFlight(move)) {
      rollBack(state, move, { reason: `${storeId} was restarted`, countsAsAttempt: false });
    } else if (move?.step.kind === "remove-replica" && move.targetId === storeId) {
      renewTarget(state, entry, replica, registration);
    } else {
      state.setEntry(succeedEntry(entry, { primary: replica }));
    }
    renewed ||= sameReplica(state.entry(partition).primary, replica);
  }
  if (renewed) state.setStore({ ...store, pendingVersion: state.nextVersion });
}

/** The target of a move came back after it was given the partition, perhaps before it knew. */
function renewTarget(
  state: MasterState,
  entry: PartitionEntry,
  replica: Replica,
  { held, completeMoves }: Registration,
): void {
  const move = state.moves.ofPartition(entry.partition);
  if (move?.step.kind !== "remove-replica") return;
  const { committedVersion, epoch = 0 } = move.step;
  const target = state.store(move.targetId);
  if (target && hasConfirmed(target, committedVersion)) {
    state.setEntry(succeedEntry(entry, { primary: replica }));
    return;
  }
  const copier = state.store(move.copierId);
  const holdsIt = held.some(
    ({ entry: known }) => known.partition === entry.partition && known.epoch >= epoch,
  );
  if (!holdsIt && copier?.registration && (copier.registration.alive || !completeMoves.includes(move.id))) {
    // It never went live there, so the copier still has everything: nothing was written since its RELEASE.
    giveBack(state, move, replicaOf(copier));
    return;
  }
  state.setEntry(succeedEntry(entry, { primary: replica }));
  awaitTargetAgain(state, move);
}
