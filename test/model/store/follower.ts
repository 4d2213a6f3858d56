import { type Version, zeroVersion } from "../replica/version.js";

/** What a primary knows of one of its replicas, in the present epoch. */
export interface Follower {
  /** Unknown until it has said its state, unless the entry names it. */
  incarnation: number;
  isLearner: boolean;
  /** A learner for which READY may have been sent: acknowledgements need it until a new entry says otherwise. */
  isBound: boolean;
  /** It has what the primary has, up to what it has acknowledged, in this session. */
  isMatched: boolean;
  /** Everything up to here is on its disk. */
  acknowledged: Version;
  /** The primary has asked the master to drop it, and counts it no more. */
  isLeaving: boolean;
}

/** A replica that has not answered yet. */
export function newFollower(incarnation: number, isLearner: boolean): Follower {
  return {
    incarnation,
    isLearner,
    isBound: false,
    isMatched: false,
    acknowledged: zeroVersion,
    isLeaving: false,
  };
}
