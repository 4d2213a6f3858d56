import { assertInvariant } from "../../../errors.js";
import type { AddLearner } from "../../state/records.js";
import { isMember, othersThan } from "../replica-set.js";
import { aboutOf, decideAbsence, type StepRules, validUnless } from "./step.js";

/**
 * The target becomes a learner, at the same epoch, and the primary copies to it. Done when the primary reports READY: it
 * acknowledges no write any more that the target does not have.
 */
export const addLearner: StepRules<AddLearner> = {
  commits: "before-work",

  nextEntry({ target }, entry, moveId) {
    if (entry.learners.some((learner) => learner.moveId === moveId)) return entry;
    const { learners } = othersThan(entry, target.storeId);
    return { ...entry, learners: [...learners, { replica: target, moveId }] };
  },

  isDone(_step, _entry, report) {
    return report?.kind === "ready";
  },

  decideValidity({ copier, target }, entry, registrationOf) {
    const { partition, primary, halted } = entry;
    if (halted || primary?.storeId !== copier.storeId) {
      const found = halted ? "is halted" : `belongs to ${primary?.storeId ?? "nobody"}`;
      return { reason: `partition ${partition} ${found}, so ${copier.storeId} cannot give it away` };
    }
    if (isMember(entry, target)) {
      return { reason: `${target.storeId} is a replica of partition ${partition} already` };
    }
    return validUnless(decideAbsence(copier, registrationOf) ?? decideAbsence(target, registrationOf));
  },

  decideOrder({ copier, target }, subject) {
    const targetAddress = subject.registrationOf(target.storeId)?.address;
    assertInvariant(targetAddress !== undefined, `${target.storeId} has registered`);
    return {
      storeId: copier.storeId,
      directive: { kind: "start-copy", ...aboutOf(subject), target, targetAddress },
    };
  },
};
