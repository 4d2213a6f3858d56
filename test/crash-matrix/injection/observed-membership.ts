import type { MoveReport } from "../../../services/gen/elastickv/v1/master.js";
import * as real from "../../../services/store/membership.js";
import { passStep } from "./breakpoint.js";

const reportSteps = { ready: "ready-reported", released: "release-reported" } as const;

/** Passes the first report of each move's READY and RELEASE, right before it is sent. */
function observe(handler: real.MembershipHandler): real.MembershipHandler {
  const told = new Set<string>();
  const reports = handler.reports.bind(handler);
  handler.reports = (everything): MoveReport[] => {
    const found = reports(everything);
    for (const { moveId, state } of found) {
      if (state?.$case !== "ready" && state?.$case !== "released") continue;
      const step = reportSteps[state.$case];
      const name = `${step} ${moveId}`;
      if (told.has(name)) continue;
      told.add(name);
      passStep(step, "before");
    }
    return found;
  };
  return handler;
}

/** The real one's. */
export const joinCluster: typeof real.joinCluster = real.joinCluster;

/** The real one, whose reports are passed. */
export class Membership extends real.Membership {
  constructor(options: real.MembershipOptions) {
    super({ ...options, handler: observe(options.handler) });
  }
}
