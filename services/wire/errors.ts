/** EkvError to and from gRPC statuses, the `elastickv-error-bin` trailer and the failures inside batches. */
import { Metadata, status, type StatusObject } from "@grpc/grpc-js";
import { boundedText } from "../core/checks.js";
import { EkvError, type ErrorCode } from "../core/errors.js";
import type { ServerIdentity } from "../core/server-identity.js";
import { ErrorCode as WireErrorCode, ErrorInfo } from "../gen/elastickv/v1/common.js";
import type { CallFailure } from "../gen/elastickv/v1/store.js";
import { reasonOf } from "./reason.js";
import { entryFromWire, entryToWire, versionFromWire } from "./topology.js";

/** Trailer that carries an ErrorInfo message with every non-OK status. */
export const errorTrailer = "elastickv-error-bin";

const codes: readonly (readonly [ErrorCode, WireErrorCode, status])[] = [
  ["INVALID_ARGUMENT", WireErrorCode.INVALID_ARGUMENT, status.INVALID_ARGUMENT],
  ["RESOURCE_EXHAUSTED", WireErrorCode.RESOURCE_EXHAUSTED, status.RESOURCE_EXHAUSTED],
  ["CONDITION_FAILED", WireErrorCode.CONDITION_FAILED, status.FAILED_PRECONDITION],
  ["MOVED", WireErrorCode.MOVED, status.FAILED_PRECONDITION],
  ["UNAVAILABLE", WireErrorCode.UNAVAILABLE, status.UNAVAILABLE],
  ["OUTCOME_UNKNOWN", WireErrorCode.OUTCOME_UNKNOWN, status.UNKNOWN],
  ["DEADLINE_EXCEEDED", WireErrorCode.DEADLINE_EXCEEDED, status.DEADLINE_EXCEEDED],
  ["FAILED_PRECONDITION", WireErrorCode.FAILED_PRECONDITION, status.FAILED_PRECONDITION],
  ["NOT_FOUND", WireErrorCode.NOT_FOUND, status.NOT_FOUND],
  ["ALREADY_EXISTS", WireErrorCode.ALREADY_EXISTS, status.ALREADY_EXISTS],
  ["CANCELLED", WireErrorCode.CANCELLED, status.CANCELLED],
  ["INTERNAL", WireErrorCode.INTERNAL, status.INTERNAL],
];

const wireCodeOf = new Map(codes.map(([code, wireCode]) => [code, wireCode]));
const codeOfWire = new Map(codes.map(([code, wireCode]) => [wireCode, receivedCode(code)]));
const statusOf = new Map(codes.map(([code, , grpcStatus]) => [code, grpcStatus]));

/**
 * A code that came from the other side, as it is known here. CANCELLED says that the caller gave up, which the caller
 * itself knows best: from the other side, a server that stops or a proxy, it says that the call was cut off.
 */
function receivedCode(code: ErrorCode): ErrorCode {
  return code === "CANCELLED" ? "UNAVAILABLE" : code;
}

/** For statuses that come without an ErrorInfo: from a proxy, or from gRPC itself. */
const codeOfStatus: ReadonlyMap<status, ErrorCode> = new Map<status, ErrorCode>([
  [status.INVALID_ARGUMENT, "INVALID_ARGUMENT"],
  [status.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"],
  [status.UNAVAILABLE, "UNAVAILABLE"],
  [status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"],
  [status.FAILED_PRECONDITION, "FAILED_PRECONDITION"],
  [status.UNIMPLEMENTED, "FAILED_PRECONDITION"],
  [status.NOT_FOUND, "NOT_FOUND"],
  [status.ALREADY_EXISTS, "ALREADY_EXISTS"],
  // As receivedCode().
  [status.CANCELLED, "UNAVAILABLE"],
]);

function errorInfoOf(error: EkvError): ErrorInfo {
  return {
    code: wireCodeOf.get(error.code) ?? WireErrorCode.INTERNAL,
    notExecuted: error.notExecuted,
    violations: error.violations.map(({ field, description }) => ({
      field: boundedText(field),
      description: boundedText(description),
    })),
    moved: error.moved && entryToWire(error.moved),
    current: error.current,
    answeredBy: error.answeredBy,
    retryAfterMs: error.retryAfterMs,
  };
}

function errorFromInfo(info: ErrorInfo, message: string, cause?: unknown): EkvError {
  return new EkvError(codeOfWire.get(info.code) ?? "INTERNAL", message, {
    notExecuted: info.notExecuted,
    violations: info.violations,
    ...(info.moved && { moved: entryFromWire(info.moved) }),
    ...(info.current && { current: versionFromWire(info.current) }),
    ...(info.answeredBy && { answeredBy: serverFromWire(info.answeredBy) }),
    retryAfterMs: info.retryAfterMs,
    cause,
  });
}

/** It ends up in messages to people. */
function serverFromWire({ clusterId, storeId }: ServerIdentity): ServerIdentity {
  return { clusterId: boundedText(clusterId), storeId: boundedText(storeId) };
}

/** An error as a server answers it. Whatever is not an EkvError becomes INTERNAL without its text. */
export function toServiceError(error: unknown): Pick<StatusObject, "code" | "details" | "metadata"> {
  const known =
    error instanceof EkvError ? error : new EkvError("INTERNAL", "internal error; see the server's log");
  const metadata = new Metadata();
  metadata.set(errorTrailer, Buffer.from(ErrorInfo.encode(errorInfoOf(known)).finish()));
  return { code: statusOf.get(known.code) ?? status.INTERNAL, details: boundedText(known.message), metadata };
}

/**
 * An error as a client received it. Whatever is not a gRPC status becomes INTERNAL with the original as its cause. Never
 * CANCELLED: a caller that cancels says so itself.
 */
export function fromServiceError(error: unknown): EkvError {
  if (error instanceof EkvError) return error;
  if (typeof error !== "object" || error === null || !("code" in error)) {
    return new EkvError("INTERNAL", error instanceof Error ? error.message : String(error), { cause: error });
  }
  const { code, details, metadata } = error as Partial<StatusObject>;
  const trailer = metadata?.get(errorTrailer)[0];
  const message = details ?? (error instanceof Error ? error.message : "the server gave no reason");
  if (trailer instanceof Uint8Array) return errorFromInfo(ErrorInfo.decode(trailer), message, error);
  return new EkvError(codeOfStatus.get(code as status) ?? "INTERNAL", reasonOf(code, message), {
    cause: error,
  });
}

/** An error inside a batch's answer. */
export function failureToWire(error: unknown): CallFailure {
  const known =
    error instanceof EkvError ? error : new EkvError("INTERNAL", "internal error; see the server's log");
  return { info: errorInfoOf(known), message: boundedText(known.message) };
}

/** The reverse of {@link failureToWire}. */
export function errorFromFailure(failure: CallFailure): EkvError {
  return failure.info
    ? errorFromInfo(failure.info, failure.message)
    : new EkvError("INTERNAL", failure.message || "the server gave no reason");
}

/** Whether a server refused a call because it does not have it: a store has no AdminService, a master no StoreService. */
export function lacksCall(error: EkvError): boolean {
  return (error.cause as Partial<StatusObject> | undefined)?.code === status.UNIMPLEMENTED;
}
