import { type HistoryCall, findViolations } from "../../support/linearizability.js";
import type { ClientCall } from "../client/clients.js";
import { Violation } from "../world/observations.js";

/** Each key behaves as one register: reads see the last write, writes take effect between their beginning and their end. */
export function checkLinearizable(calls: readonly ClientCall[]): void {
  const history = calls
    .filter(({ written, endedAt }) => written !== undefined || endedAt !== undefined)
    .map(toHistory);
  const [violation] = findViolations(history);
  if (!violation) return;
  const { key, call, possible } = violation;
  const what = call.action.kind === "get" ? `read by ${call.client}` : `write by ${call.client}`;
  const saw = call.outcome.kind === "value" ? (call.outcome.value ?? "nothing") : call.outcome.kind;
  throw new Violation(
    `${key} is not linearizable: a ${what} at ${call.beganAt} to ${call.endedAt} got ${saw}; possible: ${possible.join(", ") || "nothing"}`,
  );
}

function toHistory({ client, key, written, beganAt, endedAt, read }: ClientCall): HistoryCall {
  const base = { client: `c${client}`, key, beganAt, endedAt: endedAt ?? Infinity };
  if (written === undefined)
    return { ...base, action: { kind: "get" }, outcome: { kind: "value", value: read } };
  const outcome = endedAt === undefined ? "unknown" : "written";
  return { ...base, action: { kind: "put", value: written }, outcome: { kind: outcome } };
}
