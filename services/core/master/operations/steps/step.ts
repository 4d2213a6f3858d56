/** What every step of a move answers. Steps are values: what a record holds of one is all there is to it. */
import type { MoveId, PartitionId, StoreId } from "../../../ids.js";
import type { PartitionEntry, Replica } from "../../../topology.js";
import type { Directive } from "../../effects.js";
import type { MoveReport } from "../../events.js";
import type { AddLearner, RemoveReplica, StoreRegistration, TransferPrimary } from "../../state/records.js";

/** A learner whose copy is complete becomes a backup. */
export interface PromoteLearner {
  readonly kind: "promote-learner";
  readonly target: Replica;
}

/** One change of a partition's replicas. */
export type Step = AddLearner | PromoteLearner | TransferPrimary | RemoveReplica;

/** What a store says of the work that a step asks for. */
export type StepReport = MoveReport["state"];

/** How a store is registered; undefined: it never was. */
export type RegistrationLookup = (storeId: StoreId) => StoreRegistration | undefined;

/**
 * Whether a step can still be made. `unknown`: it may have been made already, and only a store that is down can say so.
 * Otherwise, why it cannot.
 */
export type Validity = "valid" | "unknown" | { readonly reason: string };

/** Work for a store. */
export interface Order {
  readonly storeId: StoreId;
  readonly directive: Directive;
}

/** What an order is about. */
export interface OrderSubject {
  readonly moveId: MoveId;
  readonly entry: PartitionEntry;
  readonly registrationOf: RegistrationLookup;
}

/** How one kind of step answers. */
export interface StepRules<S extends Step> {
  /** Whether the step's entry is committed before a store works for it, or after. */
  readonly commits: "before-work" | "after-work";
  /** The entry with the step's change. Every other member of the entry stays. An entry that has the change is returned as it is. */
  nextEntry(step: S, entry: PartitionEntry, moveId: MoveId): PartitionEntry;
  /** Whether the work is done: a report says so, or the entry shows that there is none left. */
  isDone(step: S, entry: PartitionEntry, report: StepReport | undefined): boolean;
  decideValidity(step: S, entry: PartitionEntry, registrationOf: RegistrationLookup): Validity;
  /** The work that is to be done now; undefined: none. */
  decideOrder(step: S, subject: OrderSubject): Order | undefined;
}

/** Why a run of a store cannot be counted on, if so. */
export function decideAbsence(
  { storeId, incarnation }: Replica,
  registrationOf: RegistrationLookup,
): string | undefined {
  const registration = registrationOf(storeId);
  if (registration?.incarnation !== incarnation) return `${storeId} was restarted`;
  return registration.alive ? undefined : `${storeId} is down`;
}

/** Valid, or not for this reason. */
export function validUnless(reason: string | undefined): Validity {
  return reason === undefined ? "valid" : { reason };
}

/** How an order names its move and the state of the partition that it is for. */
export function aboutOf({ moveId, entry }: OrderSubject): {
  readonly moveId: MoveId;
  readonly partition: PartitionId;
  readonly epoch: PartitionEntry["epoch"];
} {
  return { moveId, partition: entry.partition, epoch: entry.epoch };
}
