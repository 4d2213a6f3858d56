import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hash128, PartitionDigest } from "../../services/core/digest.js";
import { hashBytes, hashKey, partitionOf } from "../../services/core/hash.js";
import type { Epoch } from "../../services/core/ids.js";
import {
  encodeRecord,
  recordEpoch,
  recordExpiresAtMs,
  recordIsDeleted,
  recordSeq,
  recordValueOffset,
} from "../../services/core/record.js";

describe("MurmurHash3 x86-32", () => {
  // Published vectors of seed 0.
  const vectors: readonly (readonly [string, number])[] = [
    ["", 0],
    ["test", 0xba6bd213],
    ["Hello, world!", 0xc0363e43],
    ["The quick brown fox jumps over the lazy dog", 0x2e4ff723],
  ];
  for (const [text, hash] of vectors) {
    it(`hashes ${JSON.stringify(text)}`, () => assert.equal(hashBytes(Buffer.from(text)), hash));
  }

  it("hashes a part of a buffer like the part alone", () => {
    const whole = Buffer.from("..Hello, world!..");
    assert.equal(hashBytes(whole, 2, whole.length - 2), 0xc0363e43);
  });

  it("uses the tag alone when there is one that is not empty", () => {
    const hash = (text: string): number => hashKey(Buffer.from(text));
    assert.equal(hash("{user1000}.following"), hashBytes(Buffer.from("user1000")));
    assert.equal(hash("foo{}{bar}"), hashBytes(Buffer.from("foo{}{bar}")));
    assert.equal(hash("foo{{bar}}zap"), hashBytes(Buffer.from("{bar")));
    assert.equal(hash("foo{bar}{zap}"), hashBytes(Buffer.from("bar")));
    assert.equal(hash("{open"), hashBytes(Buffer.from("{open")));
  });

  it("cuts the ring into equal arcs", () => {
    assert.equal(partitionOf(0xffffffff, 0), 0);
    assert.equal(partitionOf(0xffffffff, 10), 1023);
    assert.equal(partitionOf(0x7fffffff, 1), 0);
    assert.equal(partitionOf(0x80000000, 1), 1);
  });
});

describe("MurmurHash3 x86-128", () => {
  it("hashes as published", () => {
    const out = new Uint32Array(4);
    const hex = (text: string): string => {
      hash128(Buffer.from(text), 0, out);
      return [...out].map((lane) => lane.toString(16).padStart(8, "0")).join("");
    };
    assert.equal(hex(""), "00000000000000000000000000000000");
    assert.equal(hex("I will not buy this record, it is scratched."), "a0a9683b25ac5e40d9af2895890dddf5");
    assert.equal(hex("The quick brown fox jumps over the lazy dog"), "2f1583c3ecee2c675d7bf66ce5e91d2c");
  });
});

describe("a record", () => {
  it("says what it was made of, with and without expiry, at 48-bit sizes", () => {
    const epoch = 0xfffffffe as Epoch;
    const seq = 2 ** 47 + 5;
    const expiresAtMs = 2 ** 41 + 3;
    for (const expires of [0, expiresAtMs]) {
      const record = encodeRecord({ epoch, seq, expiresAtMs: expires }, Buffer.from("value"));
      assert.equal(recordEpoch(record), epoch);
      assert.equal(recordSeq(record), seq);
      assert.equal(recordExpiresAtMs(record), expires);
      assert.equal(recordIsDeleted(record), false);
      assert.equal(Buffer.from(record.subarray(recordValueOffset(record))).toString(), "value");
    }
  });
});

describe("a partition's digest", () => {
  const key = Buffer.from("key");
  const record = (value: string, seq = 1, expiresAtMs = 0): Uint8Array =>
    encodeRecord({ epoch: 1 as Epoch, seq, expiresAtMs }, Buffer.from(value));
  const of = (...entries: readonly (readonly [Buffer, Uint8Array])[]): PartitionDigest => {
    const digest = new PartitionDigest();
    for (const [at, what] of entries) digest.add(at, what);
    return digest;
  };

  it("differs by key, value, version and expiry", () => {
    const digests = [
      of([key, record("a")]),
      of([Buffer.from("kez"), record("a")]),
      of([key, record("b")]),
      of([key, record("a", 2)]),
      of([key, record("a", 1, 5)]),
    ];
    for (const [i, a] of digests.entries()) {
      for (const [j, b] of digests.entries()) assert.equal(a.equals(b), i === j, `${i} and ${j}`);
    }
  });

  it("does not depend on order, and removal undoes addition", () => {
    const other = Buffer.from("other");
    const a = of([key, record("a")], [other, record("b", 2)]);
    const b = of([other, record("b", 2)], [key, record("a")]);
    assert.ok(a.equals(b));
    a.remove(other, record("b", 2));
    assert.ok(a.equals(of([key, record("a")])));
    assert.equal(a.keys, 1);
    assert.equal(a.bytes, 4);
  });

  it("replaces a record, wherever the old one lies, as removal and addition do", () => {
    const values = ["", "a", "sixteen bytes ok", "a longer one, of more than two blocks of it"];
    for (const [i, before] of values.entries()) {
      const after = record(values.at(i - 1) ?? "", 2, i);
      const old = record(before, 1, i % 2);
      const among = Buffer.concat([Buffer.from("before"), old, Buffer.from("behind")]);
      const end = 6 + old.length;
      const replaced = of([key, old]);
      replaced.replace(key, among, 6, end, after);
      assert.ok(replaced.equals(of([key, after])), `value ${i}`);
      replaced.replace(key, after, 0, after.length, old);
      replaced.remove(key, among, 6, end);
      assert.ok(replaced.equals(new PartitionDigest()), `value ${i}`);
    }
  });

  it("survives its bytes", () => {
    const digest = of([key, record("a")]);
    const { keys, bytes } = digest;
    assert.ok(PartitionDigest.from({ sum: digest.toBytes(), keys, bytes }).equals(digest));
  });
});
