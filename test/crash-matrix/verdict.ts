import { findViolations } from "../support/linearizability.js";
import type { Cell } from "./cells.js";
import { type CallFailure, type ClientHistory, findChangedVersions } from "./history.js";

/** When a fault was there, by the machine's clock. */
export interface FaultWindow {
  readonly cell: Cell;
  readonly fromMs: number;
  /** The victim was there again. */
  readonly toMs: number;
}

/** What is known of a round when it is over. */
export interface RoundFindings {
  /** Clients that go through the SDK. */
  readonly clients: readonly ClientHistory[];
  /** Unary readers of single stores, which may fail but not lie. */
  readonly readers: readonly ClientHistory[];
  /** The clients that were killed: their last calls may be unanswered. */
  readonly killedClients: readonly string[];
  readonly windows: readonly FaultWindow[];
}

/** What an unary reader may be told instead of a value. */
const readerCodes: readonly string[] = ["UNAVAILABLE", "DEADLINE_EXCEEDED"];

/** Everything that clients saw and should not have. */
export function judgeHistories(findings: RoundFindings): string[] {
  const { clients, readers } = findings;
  const all = [...clients, ...readers];
  const violations = findViolations(all.flatMap((history) => history.calls()));
  return [
    ...violations.map(
      ({ key, call, possible }) =>
        `${key} has no linear history: ${JSON.stringify(call)} although it could be ${JSON.stringify(possible)}`,
    ),
    ...findChangedVersions(all).map((value) => `${value} was seen with two versions`),
    ...clients.flatMap(({ failures }) =>
      failures.filter((failure) => !isAllowed(failure, findings)).map(describeFailure),
    ),
    ...readers.flatMap(({ failures }) =>
      failures.filter(({ code }) => !readerCodes.includes(code)).map(describeFailure),
    ),
    ...all
      .filter(({ client, unanswered }) => unanswered > 0 && !findings.killedClients.includes(client))
      .map(({ client, unanswered }) => `${unanswered} calls of ${client} were never answered`),
  ];
}

/** Only a killed store leaves writes behind whose outcome nobody knows: those that were sent to it. */
function isAllowed({ code, call, endedAtMs }: CallFailure, { windows }: RoundFindings): boolean {
  if (code !== "OUTCOME_UNKNOWN" || call.action.kind === "get") return false;
  return windows.some(({ cell: { fault, victim }, fromMs, toMs }) => {
    const storeKilled = fault === "kill" && (victim === "source" || victim === "target");
    return storeKilled && endedAtMs >= fromMs && call.atMs <= toMs;
  });
}

function describeFailure({ client, call, code, message, endedAtMs }: CallFailure): string {
  const tookMs = Math.round(endedAtMs - call.atMs);
  return `${client}: ${call.action.kind} ${call.key} failed after ${tookMs} ms with ${code}: ${message}`;
}
