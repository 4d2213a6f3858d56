import assert from "node:assert/strict";
import { it } from "node:test";
import { decideConnectionsMax } from "../../services/runtime/descriptors.js";
import { refusedWith } from "../support/raw-client.js";

it("a server keeps a quarter of its descriptors, within limits, and leaves the rest to connections", () => {
  assert.equal(decideConnectionsMax(0, 160), 96);
  assert.equal(decideConnectionsMax(0, 1024), 768);
  assert.equal(decideConnectionsMax(0, 1_048_576), 1_044_480);
  assert.equal(decideConnectionsMax(0, Infinity), Infinity);
});

it("takes an operator's number when it leaves room enough", () => {
  assert.equal(decideConnectionsMax(960, 1024), 960);
  assert.equal(decideConnectionsMax(960, Infinity), 960);
  assert.throws(
    () => decideConnectionsMax(961, 1024),
    refusedWith("FAILED_PRECONDITION", /1025.*--connections-max/),
  );
  assert.throws(() => decideConnectionsMax(0, 64), refusedWith("FAILED_PRECONDITION", /ulimit -n/));
});
