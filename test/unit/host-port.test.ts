import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isUnspecified, joinHostPort, splitHostPort } from "../../services/core/host-port.js";

describe("host and port", () => {
  it("are the same after joining and splitting, IPv6 addresses too", () => {
    for (const [host, port, joined] of [
      ["127.0.0.1", 7400, "127.0.0.1:7400"],
      ["store-1.stores", 7401, "store-1.stores:7401"],
      ["::1", 7401, "[::1]:7401"],
    ] as const) {
      assert.equal(joinHostPort(host, port), joined);
      assert.deepEqual(splitHostPort(joined), { host, port });
    }
  });

  it("tells the addresses that stand for all of a machine's", () => {
    for (const host of ["0.0.0.0", "0", "0.0", "::", "::0", "0:0:0:0:0:0:0:0", "::ffff:0.0.0.0"]) {
      assert.ok(isUnspecified(host), host);
    }
    for (const host of ["127.0.0.1", "10.0.0.0", "::1", "0::1", "fe80::", "store-0", "000.example", ""]) {
      assert.ok(!isUnspecified(host), host);
    }
  });

  it("a host alone has port 0", () => {
    assert.deepEqual(splitHostPort("store-1"), { host: "store-1", port: 0 });
  });
});
