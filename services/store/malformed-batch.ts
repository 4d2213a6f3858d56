import { identityViolation, idViolation } from "../core/checks.js";
import { type EkvError, invalidArgument } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { formatNoun } from "../core/noun-count.js";
import type { ServerIdentity } from "../core/server-identity.js";
import { CallKind, type PipelineRequest } from "../gen/elastickv/v1/store.js";
import { conditionViolation, consistencyViolation } from "./conditions.js";

/** What is wrong with a batch of a pipeline, if anything. `own` is this store. */
export function malformedBatch(request: PipelineRequest, own: ServerIdentity): EkvError | undefined {
  const { firstCall, clientId } = request;
  const { kinds, keys, keyLengths, values, valueLengths, timeoutsMs, options } = request;
  const misdirected = identityViolation(request, own);
  if (misdirected) return misdirected;
  if (firstCall > Number.MAX_SAFE_INTEGER - limits.batchCallsMax) {
    return invalidArgument("first_call", `is ${firstCall}; number the calls of a stream from 0 on`);
  }
  const badId = idViolation(clientId, "client_id");
  if (badId) return badId;
  if (kinds.length > limits.batchCallsMax) {
    return invalidArgument(
      "kinds",
      `has ${kinds.length} calls; at most ${limits.batchCallsMax} fit in a batch`,
    );
  }
  if (keyLengths.length !== kinds.length) {
    return invalidArgument(
      "key_lengths",
      `has ${formatNoun(keyLengths.length, "number")} for ${formatNoun(kinds.length, "call")}`,
    );
  }
  let puts = 0;
  for (const kind of kinds) {
    if (kind < CallKind.GET || kind > CallKind.CONTAINS) {
      return invalidArgument("kinds", `has the unknown kind ${kind}`);
    }
    if (kind === CallKind.PUT) puts += 1;
  }
  if (valueLengths.length !== puts) {
    return invalidArgument("value_lengths", `has ${valueLengths.length} numbers for ${puts} PUTs`);
  }
  if (sum(keyLengths) !== keys.length) {
    return invalidArgument(
      "key_lengths",
      `add up to ${sum(keyLengths)}, but keys has ${formatNoun(keys.length, "byte")}`,
    );
  }
  if (sum(valueLengths) !== values.length) {
    return invalidArgument(
      "value_lengths",
      `add up to ${sum(valueLengths)}, but values has ${formatNoun(values.length, "byte")}`,
    );
  }
  if (timeoutsMs.length > 1 && timeoutsMs.length !== kinds.length) {
    return invalidArgument(
      "timeouts_ms",
      `has ${timeoutsMs.length} numbers; give none, one, or ${kinds.length}`,
    );
  }
  let before = -1;
  for (const { call, condition, consistency } of options) {
    const badOption =
      conditionViolation(condition, "options.condition") ??
      consistencyViolation(consistency, "options.consistency");
    if (badOption) return badOption;
    if (call <= before || call >= kinds.length) {
      return invalidArgument(
        "options",
        `must ascend by call and stay below ${kinds.length}; found call ${call}`,
      );
    }
    before = call;
  }
  return undefined;
}

function sum(numbers: readonly number[]): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
