import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { joinHostPort, splitHostPort } from "../../services/core/host-port.js";

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

  it("a host alone has port 0", () => {
    assert.deepEqual(splitHostPort("store-1"), { host: "store-1", port: 0 });
  });
});
