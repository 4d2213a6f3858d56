import { isMember, othersThan, succeedEntry } from "../replica-set.js";
import { type PromoteLearner, type StepRules, validUnless } from "./step.js";

/** The target becomes a backup, at the next epoch. That is all: no store has to work for it. */
export const promoteLearner: StepRules<PromoteLearner> = {
  commits: "before-work",

  nextEntry({ target }, entry) {
    if (isMember(entry, target)) return entry;
    const { backups, learners } = othersThan(entry, target.storeId);
    return succeedEntry(entry, { backups: [...backups, target], learners });
  },

  isDone({ target }, entry) {
    return isMember(entry, target);
  },

  decideValidity({ target }, { partition, learners }) {
    const isLearner = learners.some(({ replica }) => replica.storeId === target.storeId);
    return validUnless(isLearner ? undefined : `${target.storeId} is no learner of partition ${partition}`);
  },

  decideOrder() {
    return undefined;
  },
};
