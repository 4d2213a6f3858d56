import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { boundedText, idViolation, isAddress } from "../../services/core/checks.js";
import { EkvError } from "../../services/core/errors.js";
import { limits } from "../../services/core/limits.js";
import { isRecord } from "../../services/core/record.js";
import { PutRequest } from "../../services/gen/elastickv/v1/store.js";
import { HeartbeatRequest } from "../../services/gen/elastickv/v1/master.js";
import { heartbeatViolation } from "../../services/master/heartbeat-checks.js";
import { decodeRecordBatch } from "../../services/migration/record-batch.js";
import { AnswerBatch } from "../../services/store/answer-batch.js";
import { conditionViolation, consistencyViolation } from "../../services/store/conditions.js";
import { decodeBounded } from "../../services/wire/bounded-reader.js";
import { toServiceError } from "../../services/wire/errors.js";

const decodePut = (bytes: Uint8Array, itemsMax = 100): PutRequest =>
  decodeBounded((reader) => PutRequest.decode(reader), bytes, itemsMax);

function refusedAs(text: RegExp): (error: EkvError) => boolean {
  return (error) =>
    error.code === "INVALID_ARGUMENT" && error.violations[0]?.field === "message" && text.test(error.message);
}

describe("messages from the network", () => {
  it("are read as their types say", () => {
    const put = PutRequest.fromPartial({ key: Buffer.from("k"), value: Buffer.alloc(300), ttlMs: 2 ** 40 });
    const read = decodePut(PutRequest.encode(put).finish());
    assert.equal(read.value.length, 300);
    assert.equal(read.ttlMs, 2 ** 40);
  });

  it("are refused when they are cut, stop early, or hold a number beyond 2^53", () => {
    assert.throws(() => decodePut(Buffer.from("0a05", "hex")), refusedAs(/cannot be read/));
    assert.throws(() => decodePut(Buffer.from("000a0161", "hex")), refusedAs(/ends after 1 of its 4/));
    assert.throws(() => decodePut(Buffer.from("20ffffffffffffffff7f", "hex")), refusedAs(/MAX_SAFE_INTEGER/));
  });

  it("are refused when a text is not UTF-8", () => {
    const identity = Buffer.from("2a030a01ff", "hex");
    assert.throws(() => decodePut(identity), refusedAs(/utf-8/i));
  });

  it("are refused when they hold more parts than any call has, however small", () => {
    const parts = Buffer.alloc(200, Buffer.from("1a00", "hex"));
    assert.throws(() => decodePut(parts), refusedAs(/more than 100 fields/));
    assert.doesNotThrow(() => decodePut(parts, 200));
  });
});

describe("texts of others", () => {
  it("are cut, and keep whole characters, before they are sent back", () => {
    const long = `${"x".repeat(limits.foreignTextMax - 1)}🦊`;
    assert.ok(boundedText(long).isWellFormed());
    const { details } = toServiceError(new EkvError("NOT_FOUND", "🦊".repeat(100_000)));
    assert.ok(details.length <= limits.foreignTextMax + 1);
    assert.doesNotThrow(() => encodeURI(details));
  });

  it("are no ids when long or not printable, and no addresses without host and port", () => {
    assert.equal(idViolation("a-1", "id"), undefined);
    for (const bad of ["x".repeat(65), "a\nb", "é"])
      assert.equal(idViolation(bad, "id")?.violations[0]?.field, "id");
    for (const good of ["h:1", "[::1]:65535", "a.b-c_d:80"]) assert.ok(isAddress(good), good);
    for (const bad of ["", "h", "h:0", "h:65536", "a b:1", "a\0:1", ":1", `${"h".repeat(300)}:1`]) {
      assert.ok(!isAddress(bad), bad);
    }
  });
});

describe("heartbeats", () => {
  const load = HeartbeatRequest.fromPartial({ load: {} }).load;
  const beat = (partial: Partial<HeartbeatRequest>): string | undefined =>
    heartbeatViolation(HeartbeatRequest.fromPartial({ storeId: "s", ...partial }), undefined, 16)
      ?.violations[0]?.field;

  it("with sane numbers are taken", () => {
    assert.equal(beat({}), undefined);
    assert.equal(
      beat({ load: load && { ...load, partitions: [{ partition: 15, keys: 1, bytes: 1 }] } }),
      undefined,
    );
  });

  it("with numbers that make no sense are refused, naming the field", () => {
    const wrong = [NaN, Infinity, -1];
    for (const value of wrong) {
      assert.equal(beat({ load: load && { ...load, readsPerSecond: value } }), "load.reads_per_second");
      assert.equal(
        beat({ load: load && { ...load, eventLoopDelayP99Ms: value } }),
        "load.event_loop_delay_p99_ms",
      );
    }
    assert.equal(
      beat({ load: load && { ...load, partitions: [{ partition: 16, keys: 0, bytes: 0 }] } }),
      "load.partitions",
    );
    assert.equal(
      beat({ reports: [{ moveId: "m", partition: 16, epoch: 1, state: undefined }] }),
      "reports.partition",
    );
    assert.equal(
      beat({ reports: [{ moveId: "m", partition: 1, epoch: 2 ** 32 - 1, state: undefined }] }),
      "reports.epoch",
    );
    assert.equal(beat({ strays: [{ partition: 16, epoch: 1, generation: 1 }] }), "strays.partition");
    const stray = { partition: 1, epoch: 1, generation: 1 };
    assert.equal(beat({ strays: Array.from({ length: 64 }, () => stray) }), undefined);
    assert.equal(beat({ strays: Array.from({ length: 65 }, () => stray) }), "strays");
    assert.equal(beat({ storeId: "" }), "store_id");
  });

  it("of two stores do not share a stream", () => {
    const other = heartbeatViolation(HeartbeatRequest.fromPartial({ storeId: "t" }), "s" as never, 16);
    assert.match(other?.message ?? "", /on the stream of s/);
  });
});

describe("what stores are asked and sent", () => {
  it("has conditions and consistencies that are known", () => {
    assert.equal(conditionViolation({ kind: undefined })?.violations[0]?.field, "condition");
    assert.equal(conditionViolation({ kind: { $case: "ifAbsent", value: true } }), undefined);
    assert.equal(consistencyViolation(7 as never)?.violations[0]?.field, "consistency");
  });

  it("has records with a whole header and keys that fit", () => {
    assert.ok(isRecord(Buffer.alloc(11)));
    for (const bad of [
      Buffer.alloc(0),
      Buffer.alloc(10),
      Buffer.from([1, ...Buffer.alloc(15)]),
      Buffer.alloc(20, 4),
    ]) {
      assert.ok(!isRecord(bad));
    }
    const batch = { keys: Buffer.from("k"), keyLengths: [1], records: Buffer.alloc(11), recordLengths: [11] };
    assert.equal(decodeRecordBatch(batch)?.length, 1);
    assert.equal(decodeRecordBatch({ ...batch, records: Buffer.alloc(5), recordLengths: [5] }), undefined);
    assert.equal(decodeRecordBatch({ ...batch, keys: Buffer.alloc(2000), keyLengths: [2000] }), undefined);
  });

  it("gets no answers in one message whose numbers lie further apart than 32 bits", () => {
    const batch = new AnswerBatch();
    assert.ok(batch.reaches(2 ** 50));
    batch.add(2 ** 50, 1);
    assert.ok(batch.reaches(2 ** 50 + 5));
    assert.ok(!batch.reaches(0));
    assert.ok(!batch.reaches(2 ** 50 + 2 ** 32));
  });
});
