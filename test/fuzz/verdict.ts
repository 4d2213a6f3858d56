import { status } from "@grpc/grpc-js";
import { ErrorCode } from "../../services/gen/elastickv/v1/common.js";
import type { FuzzedMethod } from "./protocol.js";
import type { CallOutcome } from "./raw-grpc.js";

/** Statuses that may answer bad input. */
const allowed: ReadonlySet<status> = new Set([
  status.OK,
  status.INVALID_ARGUMENT,
  status.FAILED_PRECONDITION,
  status.RESOURCE_EXHAUSTED,
  status.UNIMPLEMENTED,
  status.NOT_FOUND,
  status.ALREADY_EXISTS,
]);

/**
 * INTERNAL that gRPC's own rules ask for, below the level of messages, and that grpc-js answers before any code of ours:
 * see "Status codes and their use in gRPC" (grpc.github.io/grpc/core/md_doc_statuscodes.html).
 */
const ownToGrpc = /^(Failed to decompress message|Invalid grpc-timeout value)/;

/** What is wrong with how a server took a call, or undefined. */
export function faultOf(
  outcome: CallOutcome,
  what: { readonly isMalformed: boolean; readonly mayTimeOut: boolean },
): string | undefined {
  const { code, details, info, left, hung, httpStatus } = outcome;
  if (hung) return "the call hung";
  if (left && code === undefined) return undefined;
  // Refused as no gRPC at all.
  if (httpStatus !== undefined && httpStatus !== 200) return undefined;
  if (code === undefined) return `the call ended without a status, by HTTP/2 error ${outcome.resetCode}`;
  const name = `${status[code]}: ${details.slice(0, 200)}`;
  if (code === status.INTERNAL && ownToGrpc.test(details)) return undefined;
  if (code === status.DEADLINE_EXCEEDED && what.mayTimeOut) return undefined;
  if (!allowed.has(code)) return `bad input was answered ${name}`;
  if (details.length > 4096) return `the status has a text of ${details.length} characters`;
  if (what.isMalformed && code !== status.INVALID_ARGUMENT && code !== status.RESOURCE_EXHAUSTED) {
    return `bytes that are no message were answered ${name}`;
  }
  if (code === status.INVALID_ARGUMENT && !info?.violations.some(({ field }) => field !== "")) {
    return `${name} names no field`;
  }
  return undefined;
}

/** Whether the server's own decoder cannot read some of the messages. */
export function isMalformed(method: FuzzedMethod, messages: readonly Uint8Array[]): boolean {
  return messages.some((message) => {
    try {
      method.definition?.requestDeserialize(Buffer.from(message));
      return false;
    } catch {
      return true;
    }
  });
}

/** A failure inside an answer that blames the server for bad input, or undefined. */
export function innerFaultOf(method: FuzzedMethod, outcome: CallOutcome): string | undefined {
  for (const bytes of outcome.messages) {
    const answer = method.definition?.responseDeserialize(bytes);
    const found = JSON.stringify(answer, (key, value: unknown) => {
      if (key === "code" && (value === ErrorCode.INTERNAL || value === ErrorCode.OUTCOME_UNKNOWN))
        return "BAD";
      return value;
    });
    if (found?.includes('"code":"BAD"')) return `an answer holds the failure ${found.slice(0, 300)}`;
  }
  return undefined;
}
