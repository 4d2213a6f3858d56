import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { codecs } from "../../client/codec.js";
import { partitionOfKey, plainKey, writeKey } from "../../client/key.js";
import type { Key } from "../../client/options.js";
import { PendingCall } from "../../client/pending-call.js";
import { batchLength, encodeBatch } from "../../client/request-batch.js";
import { hashKey, partitionOf } from "../../services/core/hash.js";
import { limits } from "../../services/core/limits.js";
import { brandAs, type Epoch } from "../../services/core/ids.js";
import { CallKind, Consistency, PipelineRequest } from "../../services/gen/elastickv/v1/store.js";

interface Shape {
  readonly kind: CallKind;
  readonly key: Key;
  readonly value: Uint8Array;
  readonly ifAbsent: boolean;
  readonly ifVersion: { readonly epoch: number; readonly seq: number } | undefined;
  readonly ttlMs: number;
  readonly eventual: boolean;
  readonly wantVersion: boolean;
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  kind: fc.constantFrom(CallKind.GET, CallKind.PUT, CallKind.DELETE, CallKind.CONTAINS),
  key: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc.string({ minLength: 1, maxLength: 40 }),
    fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
  ),
  value: fc.uint8Array({ maxLength: 80 }),
  ifAbsent: fc.boolean(),
  ifVersion: fc.option(fc.record({ epoch: fc.nat(2 ** 31), seq: fc.maxSafeNat() }), { nil: undefined }),
  ttlMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: limits.ttlMsMax })),
  eventual: fc.boolean(),
  wantVersion: fc.boolean(),
});

function callOf(shape: Shape): PendingCall {
  const isRead = shape.kind === CallKind.GET || shape.kind === CallKind.CONTAINS;
  const settings = {
    ifAbsent: !isRead && shape.ifVersion === undefined && shape.ifAbsent,
    ifVersion:
      isRead || !shape.ifVersion
        ? undefined
        : { epoch: brandAs<Epoch>(shape.ifVersion.epoch), seq: shape.ifVersion.seq },
    ttlMs: shape.kind === CallKind.PUT ? shape.ttlMs : 0,
    eventual: isRead && shape.eventual,
  };
  return new PendingCall(
    {
      name: "call",
      kind: shape.kind,
      result: shape.kind === CallKind.GET && shape.wantVersion ? "entry" : "value",
      codec: codecs.buffer,
    },
    plainKey(shape.key),
    shape.kind === CallKind.PUT ? shape.value : undefined,
    Object.values(settings).some(Boolean) ? settings : undefined,
    () => undefined,
    () => undefined,
  );
}

/** Reads the columns back, the way store.proto describes them. */
function readColumns(request: PipelineRequest): unknown[] {
  let key = 0;
  let value = 0;
  let puts = 0;
  return [...request.kinds].map((kind, index) => {
    const keyEnd = key + (request.keyLengths[index] as number);
    const valueEnd = value + (kind === CallKind.PUT ? (request.valueLengths[puts++] as number) : 0);
    const options = request.options.find(({ call }) => call === index);
    const read = {
      kind,
      key: Buffer.from(request.keys.subarray(key, keyEnd)).toString("hex"),
      value: Buffer.from(request.values.subarray(value, valueEnd)).toString("hex"),
      condition: options?.condition?.kind,
      ttlMs: options?.ttlMs ?? 0,
      wantVersion: options?.wantVersion ?? false,
      eventual: options?.consistency === Consistency.EVENTUAL,
    };
    key = keyEnd;
    value = valueEnd;
    return read;
  });
}

function expected(call: PendingCall): unknown {
  const { ifVersion, ifAbsent, ttlMs, eventual } = { ...call.settings };
  return {
    kind: call.sort.kind,
    key: Buffer.from(call.key).toString("hex"),
    value: Buffer.from(call.value ?? []).toString("hex"),
    condition: ifVersion
      ? { $case: "ifVersion", value: { epoch: ifVersion.epoch as number, seq: ifVersion.seq } }
      : ifAbsent
        ? { $case: "ifAbsent", value: true }
        : undefined,
    ttlMs: ttlMs ?? 0,
    wantVersion: call.sort.result === "entry",
    eventual: eventual ?? false,
  };
}

describe("a batch of calls in columns", () => {
  it("sends a string key as its UTF-8 bytes, to the partition of those", () => {
    const text = fc.oneof(
      fc.string({ minLength: 1, maxLength: 60 }),
      fc.string({ unit: "binary", minLength: 1, maxLength: 60 }),
      fc.string({ unit: fc.constantFrom("{", "}", "a", "é", "\u{1f600}"), minLength: 1, maxLength: 12 }),
    );
    fc.assert(
      fc.property(text, (key) => {
        const bytes = Buffer.from(key);
        const plain = plainKey(key);
        const target = Buffer.alloc(bytes.length + 2, 0xff);
        assert.equal(plain.length, bytes.length);
        assert.equal(writeKey(plain, target, 1), bytes.length + 1);
        assert.deepEqual(target, Buffer.concat([Buffer.from([0xff]), bytes, Buffer.from([0xff])]));
        assert.equal(partitionOfKey(plain, 10), partitionOf(hashKey(bytes), 10));
      }),
    );
  });

  it("says the same after the way over the wire", () => {
    fc.assert(
      fc.property(fc.array(shapes, { minLength: 1, maxLength: 60 }), fc.maxSafeNat(), (list, firstCall) => {
        const calls = list.map(callOf);
        const bytes = PipelineRequest.encode(encodeBatch(calls, firstCall, [250], undefined)).finish();
        const request = PipelineRequest.decode(bytes);
        assert.equal(request.firstCall, firstCall);
        assert.deepEqual(request.timeoutsMs, [250]);
        assert.deepEqual(readColumns(request), calls.map(expected));
        assert.equal(
          request.keyLengths.reduce((sum, length) => sum + length, 0),
          request.keys.length,
        );
        assert.equal(
          request.valueLengths.reduce((sum, length) => sum + length, 0),
          request.values.length,
        );
      }),
    );
  });

  it("is cut at the limits of calls and bytes, and never takes nothing", () => {
    const putOf = (valueBytes: number): PendingCall =>
      callOf({
        kind: CallKind.PUT,
        key: Buffer.from("k"),
        value: new Uint8Array(valueBytes),
        ifAbsent: false,
        ifVersion: undefined,
        ttlMs: 0,
        eventual: false,
        wantVersion: false,
      });
    const big = Array<PendingCall>(6).fill(putOf(limits.requestBytesTarget / 4));
    assert.equal(batchLength(big, big.length), 3);
    assert.equal(batchLength([putOf(limits.requestBytesTarget + 1)], 1), 1);
    assert.equal(batchLength(big, 2), 2);
    const many = Array<PendingCall>(limits.batchCallsMax + 5).fill(putOf(1));
    assert.equal(batchLength(many, many.length), limits.batchCallsMax);
    assert.equal(batchLength(many, 40), 40);
  });
});
