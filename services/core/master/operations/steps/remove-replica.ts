import { hasRole } from "../../../topology.js";
import type { RemoveReplica } from "../../state/records.js";
import { othersThan, succeedEntry } from "../replica-set.js";
import { aboutOf, type StepRules } from "./step.js";

/**
 * A store is no replica any more, at the next epoch if it was one, and deletes the copy that it released. A copy that
 * nobody named is deleted as an orphaned one.
 */
export const removeReplica: StepRules<RemoveReplica> = {
  commits: "before-work",

  nextEntry({ storeId }, entry) {
    // A primary has to hand over first.
    if (!hasRole(entry, storeId) || entry.primary?.storeId === storeId) return entry;
    return succeedEntry(entry, othersThan(entry, storeId));
  },

  isDone({ storeId, generation }, entry, report) {
    if (generation === undefined) return !hasRole(entry, storeId);
    return report?.kind === "deleted" && report.generation === generation;
  },

  decideValidity({ storeId }, { partition, primary }) {
    return primary?.storeId === storeId
      ? { reason: `${storeId} is the primary of partition ${partition}` }
      : "valid";
  },

  decideOrder({ storeId, generation }, subject) {
    if (generation === undefined || hasRole(subject.entry, storeId)) return undefined;
    return { storeId, directive: { kind: "delete-replica", ...aboutOf(subject), generation } };
  },
};
