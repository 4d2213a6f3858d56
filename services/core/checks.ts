import { EkvError, invalidArgument } from "./errors.js";
import { isUnspecified, splitHostPort } from "./host-port.js";
import { isStoreId, type StoreId } from "./ids.js";
import { limits } from "./limits.js";
import { describeExpected, describeServer, type ServerIdentity } from "./server-identity.js";

/** What is wrong with a key of this many bytes, if anything. `field` names it in the error; default `key`. */
export function keyViolation(lengthBytes: number, field = "key"): EkvError | undefined {
  if (lengthBytes >= 1 && lengthBytes <= limits.keyBytesMax) return undefined;
  return lengthBytes === 0
    ? invalidArgument(field, `is empty; give 1 to ${limits.keyBytesMax} bytes`)
    : invalidArgument(
        field,
        `has ${lengthBytes} bytes; at most ${limits.keyBytesMax} fit, so shorten it or use its hash`,
      );
}

/** What is wrong with a value of this many bytes, if anything. `field` names it in the error; default `value`. */
export function valueViolation(
  lengthBytes: number,
  valueBytesMax: number,
  field = "value",
): EkvError | undefined {
  if (lengthBytes <= valueBytesMax) return undefined;
  return invalidArgument(
    field,
    `has ${lengthBytes} bytes; at most ${valueBytesMax} fit, so split it or raise value-bytes-max at every store`,
  );
}

/** What is wrong with a time to live, if anything; 0 stands for none. `field` names it; default `ttl_ms`. */
export function ttlViolation(ttlMs: number, field = "ttl_ms"): EkvError | undefined {
  if (Number.isSafeInteger(ttlMs) && ttlMs >= 0 && ttlMs <= limits.ttlMsMax) return undefined;
  return invalidArgument(
    field,
    `is ${ttlMs}; give whole milliseconds from 0 (for ever) to ${limits.ttlMsMax}`,
  );
}

const addressPattern = /^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/;

/** Whether a text is host:port that a server can be reached at: not `0.0.0.0`, which a server only listens on. */
export function isReachable(text: string): boolean {
  return isAddress(text) && !isUnspecified(splitHostPort(text).host);
}

/** Whether a text is host:port, with a name or address of at most 253 characters and a port of 1 to 65535. */
export function isAddress(text: string): boolean {
  const port = Number(addressPattern.exec(text)?.[1] ?? 0);
  return port >= 1 && port <= 65_535 && text.length <= limits.addressCharactersMax;
}

/** What is wrong with an identifier that others chose, if anything: it is stored, sent on and printed. */
export function idViolation(text: string, field: string): EkvError | undefined {
  if (text.length > limits.idCharactersMax) {
    return invalidArgument(field, `has ${text.length} characters; give at most ${limits.idCharactersMax}`);
  }
  // Control characters would reach logs and terminals.
  return /^[ -~]*$/.test(text)
    ? undefined
    : invalidArgument(field, "has characters that are not printable ASCII");
}

/** Why a server refuses a call that is meant for `expected`, if it does. `own` is the server. */
export function identityViolation(expected: ServerIdentity, own: ServerIdentity): EkvError | undefined {
  const { clusterId, storeId } = expected;
  const isMeant =
    (clusterId === "" || clusterId === own.clusterId) && (storeId === "" || storeId === own.storeId);
  if (isMeant) return undefined;
  return (
    idViolation(clusterId, "cluster_id") ??
    idViolation(storeId, "store_id") ??
    new EkvError(
      "FAILED_PRECONDITION",
      `this is ${describeServer(own)}; the call is meant for ${describeExpected(expected)}`,
      { notExecuted: true, answeredBy: own },
    )
  );
}

/**
 * A refusal by {@link identityViolation} as its caller sees it: UNAVAILABLE, for the server that it wants is not at this
 * address. Any other error comes back as it is.
 */
export function takenOver(error: EkvError, address: string, expected: ServerIdentity): EkvError {
  const { answeredBy } = error;
  if (answeredBy === undefined) return error;
  const message = `${describeExpected(expected)} is not at ${address}: ${describeServer(answeredBy)} answered there`;
  return new EkvError("UNAVAILABLE", message, { notExecuted: true, cause: error });
}

/** A store's id as others gave it. Throws `INVALID_ARGUMENT` that names `store_id` unless it can be one. */
export function checkStoreId(storeId: string): StoreId {
  if (isStoreId(storeId)) return storeId;
  throw invalidArgument(
    "store_id",
    `${JSON.stringify(boundedText(storeId))} must be 1 to 63 characters of a-z, 0-9 and '-'`,
  );
}

/** What is wrong with an epoch, if anything. The greatest leave no room for the next, which grows by one. */
export function epochViolation(epoch: number, field: string): EkvError | undefined {
  if (Number.isInteger(epoch) && epoch >= 0 && epoch <= limits.epochMax) return undefined;
  return invalidArgument(field, `is ${epoch}; epochs go from 0 to ${limits.epochMax}`);
}

/** A text of others as it is printed: as {@link boundedText}, on one line, without what would steer a terminal. */
export function printableText(text: string): string {
  return boundedText(text).replace(/\p{Cc}+/gu, " ");
}

/** A text of others as it is logged, stored and sent back: of bounded length, and without half characters. */
export function boundedText(text: string): string {
  if (text.length <= limits.foreignTextMax && text.isWellFormed()) return text;
  const cut = text.length > limits.foreignTextMax ? `${text.slice(0, limits.foreignTextMax)}…` : text;
  return cut.toWellFormed();
}
