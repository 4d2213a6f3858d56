import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PendingCall } from "../../client/pending-call.js";
import { SentCalls } from "../../client/sent-calls.js";
import { codecs } from "../../client/codec.js";
import { CallKind } from "../../services/gen/elastickv/v1/store.js";

function calls(...keys: readonly string[]): PendingCall[] {
  const sort = { name: "get", kind: CallKind.GET, result: "value", codec: codecs.buffer } as const;
  return keys.map(
    (key) =>
      new PendingCall(
        sort,
        key,
        undefined,
        undefined,
        () => undefined,
        () => undefined,
      ),
  );
}

describe("the calls sent on a stream", () => {
  it("are found by number, once each, in any order", () => {
    const sent = new SentCalls();
    sent.add(0, calls("a", "b"));
    sent.add(2, calls("c"));
    sent.add(3, calls("d", "e", "f"));
    assert.equal(sent.size, 6);
    assert.deepEqual(
      [4, 0, 2, 5].map((number) => sent.take(number)?.key),
      ["e", "a", "c", "f"],
    );
    assert.equal(sent.take(0), undefined);
    assert.equal(sent.take(2), undefined);
    assert.equal(sent.size, 2);
    assert.equal(sent.take(1)?.key, "b");
    assert.equal(sent.take(3)?.key, "d");
    assert.equal(sent.size, 0);
  });

  it("know no number that was never sent", () => {
    const sent = new SentCalls();
    assert.equal(sent.take(0), undefined);
    sent.add(10, calls("a"));
    for (const number of [-1, 9, 11, 1e15]) assert.equal(sent.take(number), undefined);
    assert.equal(sent.size, 1);
  });

  it("are all handed out, oldest first, when the stream breaks", () => {
    const sent = new SentCalls();
    sent.add(0, calls("a", "b", "c"));
    sent.add(3, calls("d"));
    sent.take(1);
    assert.deepEqual(
      sent.takeAll().map(({ key }) => key),
      ["a", "c", "d"],
    );
    assert.equal(sent.size, 0);
    assert.equal(sent.take(0), undefined);
  });
});
