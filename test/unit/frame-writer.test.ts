import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { frameHeaderBytes, frameKind } from "../../services/wire/frame-reader.js";
import { encodeFrame } from "../../services/wire/frame-writer.js";

const bodyOf = (frame: Buffer): string => frame.subarray(frameHeaderBytes).toString("latin1");

describe("frames", () => {
  test("carry their kind, their length and what was written", () => {
    const frame = encodeFrame(frameKind.message, (writer) => writer.raw(Buffer.from("body")));
    assert.equal(frame[0], frameKind.message);
    assert.equal(frame.readUInt32BE(1), 4);
    assert.equal(bodyOf(frame), "body");
    assert.equal(encodeFrame(frameKind.ping).length, frameHeaderBytes);
  });

  test("do not share memory with the next", () => {
    const first = encodeFrame(frameKind.message, (writer) => writer.raw(Buffer.from("first")));
    encodeFrame(frameKind.message, (writer) => writer.raw(Buffer.from("again")));
    assert.equal(bodyOf(first), "first");
  });

  test("hold nothing of one that failed half way", () => {
    const halfWay = (): Buffer =>
      encodeFrame(frameKind.message, (writer) => {
        writer.raw(Buffer.from("half"));
        throw new RangeError("a number does not fit");
      });
    assert.throws(halfWay, RangeError);
    const next = encodeFrame(frameKind.message, (writer) => writer.raw(Buffer.from("whole")));
    assert.equal(bodyOf(next), "whole");
  });
});
