import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeChanges } from "../../cli/up/store-watch.js";

const well = { storeId: "store-1", alive: true, incarnation: 1, problems: [] as string[] };

describe("what ekv up says of its stores", () => {
  it("is nothing while nothing changes, and nothing of stores that come and go on request", () => {
    assert.deepEqual(describeChanges([well], [well]), []);
    assert.deepEqual(describeChanges([], [well]), []);
    assert.deepEqual(describeChanges([well], []), []);
  });

  it("names a store that goes down with the reason, and says when it is back", () => {
    const down = { ...well, alive: false, problems: ["its process ended"] };
    assert.deepEqual(describeChanges([well], [down]), ["store-1 is down: its process ended"]);
    assert.deepEqual(describeChanges([down], [{ ...well, incarnation: 2 }]), ["store-1 is up again."]);
  });

  it("notices a restart between two looks, and a problem of a store that runs", () => {
    assert.deepEqual(describeChanges([well], [{ ...well, incarnation: 2 }]), ["store-1 was started again."]);
    const full = { ...well, problems: ["its disk is full"] };
    assert.deepEqual(describeChanges([well], [full]), ["store-1: its disk is full"]);
    assert.deepEqual(describeChanges([full], [full]), []);
  });
});
