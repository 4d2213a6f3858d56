import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KeyModel } from "../../examples/demo/model.js";
import { brandAs, type Epoch } from "../../services/core/ids.js";
import type { Version } from "../../services/core/topology.js";

function version(seq: number, epoch = 1): Version {
  return { epoch: brandAs<Epoch>(epoch), seq };
}

/** A model whose key 0 holds its first write. */
function stored(): KeyModel {
  const model = new KeyModel(1);
  assert.equal(model.acknowledge(model.beginWrite(0, "put"), version(5)), undefined);
  return model;
}

describe("the demo's model of a key", () => {
  it("accepts only the newest write once it was acknowledged", () => {
    const model = stored();
    assert.equal(model.acknowledge(model.beginWrite(0, "put"), version(6)), undefined);
    const oldest = model.beginRead(0);
    assert.equal(model.judge(0, oldest, { kind: "present", counter: 2 }), undefined);
    assert.match(model.judge(0, oldest, { kind: "present", counter: 1 }) ?? "", /stale/);
    assert.match(model.judge(0, oldest, { kind: "present", counter: 3 }) ?? "", /only 2 were begun/);
    assert.match(model.judge(0, oldest, { kind: "absent" }) ?? "", /absent/);
  });

  it("accepts the state before or after a write that is under way", () => {
    const model = stored();
    const oldest = model.beginRead(0);
    model.beginWrite(0, "put");
    assert.equal(model.judge(0, oldest, { kind: "present", counter: 1 }), undefined);
    assert.equal(model.judge(0, oldest, { kind: "present", counter: 2 }), undefined);
  });

  it("refuses an older state once any read saw the newer one, acknowledged or not", () => {
    const model = stored();
    model.beginWrite(0, "put");
    assert.equal(model.judge(0, model.beginRead(0), { kind: "present", counter: 2 }), undefined);
    assert.match(model.judge(0, model.beginRead(0), { kind: "present", counter: 1 }) ?? "", /stale/);
  });

  it("judges a read by what was known when it began, not when it ended", () => {
    const model = stored();
    const oldest = model.beginRead(0);
    model.acknowledge(model.beginWrite(0, "put"), version(6));
    assert.equal(model.judge(0, oldest, { kind: "present", counter: 1 }), undefined);
  });

  it("expects a deleted key to be absent, and one under deletion to be either", () => {
    const model = stored();
    const oldest = model.beginRead(0);
    const deletion = model.beginWrite(0, "delete");
    assert.equal(model.judge(0, oldest, { kind: "absent" }), undefined);
    assert.equal(model.judge(0, oldest, { kind: "present", counter: 1 }), undefined);
    model.acknowledge(deletion);
    assert.match(model.judge(0, model.beginRead(0), { kind: "present", counter: 1 }) ?? "", /stale/);
    assert.match(model.judge(0, model.beginRead(0), { kind: "present" }) ?? "", /deleted it/);
    assert.equal(model.countPresent(), 0);
  });

  it("expects a key that was put back to be present", () => {
    const model = stored();
    model.acknowledge(model.beginWrite(0, "delete"));
    model.acknowledge(model.beginWrite(0, "put"), version(9));
    assert.match(model.judge(0, model.beginRead(0), { kind: "absent" }) ?? "", /absent/);
    assert.equal(model.judge(0, model.beginRead(0), { kind: "present" }), undefined);
  });

  it("takes back a write that was not executed", () => {
    const model = stored();
    model.retract(model.beginWrite(0, "delete"));
    assert.equal(model.isSettled(0), true);
    assert.equal(model.isPresent(0), true);
    assert.match(model.judge(0, model.beginRead(0), { kind: "absent" }) ?? "", /absent/);
  });

  it("accepts either state for ever after a write of unknown outcome", () => {
    const model = stored();
    model.beginWrite(0, "put");
    assert.equal(model.isSettled(0), false);
    assert.equal(model.judge(0, model.beginRead(0), { kind: "present", counter: 1 }), undefined);
    assert.equal(model.judge(0, model.beginRead(0), { kind: "present", counter: 2 }), undefined);
    assert.equal(model.isSettled(0), false);
  });

  it("wants versions to grow, epoch first, and reads to carry the write's version", () => {
    const model = stored();
    assert.match(model.acknowledge(model.beginWrite(0, "put"), version(5)) ?? "", /not above 1\.5/);
    assert.equal(model.acknowledge(model.beginWrite(0, "put"), version(1, 2)), undefined);
    const seen = { kind: "present", counter: 3 } as const;
    assert.equal(model.judge(0, model.beginRead(0), { ...seen, version: version(1, 2) }), undefined);
    assert.match(model.judge(0, model.beginRead(0), { ...seen, version: version(2, 2) }) ?? "", /2\.2/);
  });
});
