import { limits } from "../services/core/limits.js";
import {
  CallKind,
  type CallOptions,
  Consistency,
  type PipelineRequest,
} from "../services/gen/elastickv/v1/store.js";
import { writeKey } from "./key.js";
import type { PendingCall } from "./pending-call.js";

/** How many of the calls, from the first on, make one batch: at least one, at most `callsMax`. */
export function batchLength(calls: readonly PendingCall[], callsMax: number): number {
  const countMax = Math.min(calls.length, callsMax, limits.batchCallsMax);
  let bytes = 0;
  let count = 0;
  for (; count < countMax; count += 1) {
    const call = calls[count] as PendingCall;
    bytes += call.key.length + (call.value?.length ?? 0);
    if (count > 0 && bytes > limits.requestBytesTarget) break;
  }
  return count;
}

/**
 * What each call may still take, in whole milliseconds; one number for all where they differ by little, the shortest: a call
 * must not take effect when its caller has given up.
 */
export function timeoutsOf(calls: readonly PendingCall[], nowMs: number): number[] {
  let firstMs = Infinity;
  let lastMs = 0;
  for (const { deadlineMs } of calls) {
    if (deadlineMs < firstMs) firstMs = deadlineMs;
    if (deadlineMs > lastMs) lastMs = deadlineMs;
  }
  if (lastMs - firstMs <= limits.timeoutSpreadMsMax) return [timeoutOf(firstMs, nowMs)];
  return calls.map(({ deadlineMs }) => timeoutOf(deadlineMs, nowMs));
}

function timeoutOf(deadlineMs: number, nowMs: number): number {
  return Math.max(1, Math.ceil(deadlineMs - nowMs));
}

/**
 * The columns of a batch of calls; see PipelineRequest in store.proto. `timeoutsMs`: one for each, or one for all;
 * `sentAtMs`: by the stream's clock, undefined when it is not known.
 */
export function encodeBatch(
  calls: readonly PendingCall[],
  firstCall: number,
  timeoutsMs: number[],
  sentAtMs: number | undefined,
): PipelineRequest {
  let keysBytes = 0;
  let valuesBytes = 0;
  for (const { key, value } of calls) {
    keysBytes += key.length;
    if (value) valuesBytes += value.length;
  }
  const kinds = new Uint8Array(calls.length);
  const keys = Buffer.allocUnsafe(keysBytes);
  const values = Buffer.allocUnsafe(valuesBytes);
  const keyLengths: number[] = [];
  const valueLengths: number[] = [];
  const options: CallOptions[] = [];
  let keyOffset = 0;
  let valueOffset = 0;
  for (let i = 0; i < calls.length; i += 1) {
    const call = calls[i] as PendingCall;
    const { sort, key } = call;
    kinds[i] = sort.kind;
    keyOffset = writeKey(key, keys, keyOffset);
    keyLengths.push(key.length);
    if (sort.kind === CallKind.PUT) {
      const value = call.value as Uint8Array;
      values.set(value, valueOffset);
      valueOffset += value.length;
      valueLengths.push(value.length);
    }
    if (call.settings || sort.result === "entry") options.push(optionsOf(call, i));
  }
  return {
    firstCall,
    kinds,
    keys,
    keyLengths,
    values,
    valueLengths,
    timeoutsMs,
    options,
    clientId: "",
    clusterId: "",
    storeId: "",
    sentAtUs: sentAtMs === undefined ? undefined : Math.max(0, Math.floor(sentAtMs * 1000)),
  };
}

function optionsOf({ sort, settings }: PendingCall, index: number): CallOptions {
  return {
    call: index,
    condition: settings?.ifVersion
      ? { kind: { $case: "ifVersion", value: settings.ifVersion } }
      : settings?.ifAbsent
        ? { kind: { $case: "ifAbsent", value: true } }
        : undefined,
    ttlMs: settings?.ttlMs ?? 0,
    wantVersion: sort.result === "entry",
    consistency: settings?.eventual ? Consistency.EVENTUAL : Consistency.LINEARIZABLE,
  };
}
