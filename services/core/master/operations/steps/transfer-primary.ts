import { sameReplica } from "../../../topology.js";
import type { TransferPrimary } from "../../state/records.js";
import { isMember, othersThan, succeedEntry } from "../replica-set.js";
import { aboutOf, decideAbsence, type StepRules, validUnless } from "./step.js";

/**
 * The primary hands over to a backup. Done when it reports RELEASED: it serves nothing more of the partition. Only then is
 * the target primary, at the next epoch.
 */
export const transferPrimary: StepRules<TransferPrimary> = {
  commits: "after-work",

  nextEntry({ target, leaves }, entry) {
    if (sameReplica(entry.primary, target)) return entry;
    const { backups } = othersThan(entry, target.storeId);
    const former = leaves || entry.primary === undefined ? [] : [entry.primary];
    return succeedEntry(entry, { primary: target, backups: [...backups, ...former] });
  },

  isDone({ target }, entry, report) {
    return report?.kind === "released" || sameReplica(entry.primary, target);
  },

  decideValidity({ copier, target }, entry, registrationOf) {
    const registration = registrationOf(copier.storeId);
    // It may have released the partition: nothing can be decided for it until it is back.
    if (registration?.incarnation === copier.incarnation && !registration.alive) return "unknown";
    const isBackup = isMember(entry, target);
    return validUnless(
      decideAbsence(copier, registrationOf) ??
        decideAbsence(target, registrationOf) ??
        (isBackup ? undefined : `${target.storeId} is no backup of partition ${entry.partition}`),
    );
  },

  decideOrder({ copier }, subject) {
    return { storeId: copier.storeId, directive: { kind: "transfer-leadership", ...aboutOf(subject) } };
  },
};
