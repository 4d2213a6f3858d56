import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Overlay, type OverlayWrite } from "../../services/core/store/overlay.js";

function write(key: string, seq: number): OverlayWrite {
  return { key: Buffer.from(key), seq, record: Buffer.from(`${key} ${seq}`) };
}

const seqOf = (overlay: Overlay, key: string): number | undefined => overlay.get(Buffer.from(key))?.seq;

describe("a partition's writes in flight", () => {
  for (const others of [0, 1, 5]) {
    it(`are found by key, the newest of each, with ${others} more keys`, () => {
      const overlay = new Overlay();
      const rest = Array.from({ length: others }, (_, i) => write(`other ${i}`, i + 1));
      for (const other of rest) overlay.set(other);
      const first = write("key", 10);
      const second = write("key", 11);
      overlay.set(first);
      assert.equal(seqOf(overlay, "key"), 10);
      overlay.set(second);
      assert.equal(seqOf(overlay, "key"), 11);
      for (const name of ["ke", "kez", "keys", ""]) assert.equal(seqOf(overlay, name), undefined);
      for (const [i] of rest.entries()) assert.equal(seqOf(overlay, `other ${i}`), i + 1);

      overlay.delete(first);
      assert.equal(seqOf(overlay, "key"), 11, "an earlier write of the key takes nothing away");
      overlay.delete(second);
      assert.equal(seqOf(overlay, "key"), undefined);
      assert.equal(overlay.isEmpty, others === 0);
      for (const other of rest) overlay.delete(other);
      assert.ok(overlay.isEmpty);
    });
  }

  it("can all be forgotten", () => {
    for (const keys of [["a"], ["a", "b"]]) {
      const overlay = new Overlay();
      for (const key of keys) overlay.set(write(key, 1));
      overlay.clear();
      assert.ok(overlay.isEmpty);
      assert.equal(seqOf(overlay, "a"), undefined);
      overlay.set(write("c", 2));
      assert.equal(seqOf(overlay, "c"), 2);
    }
  });
});
