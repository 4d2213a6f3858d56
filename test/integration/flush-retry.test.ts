import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import type { StorageEngine } from "../../services/core/ports/storage-engine.js";
import { HandCluster } from "../support/hand-cluster.js";
import { waitFor } from "../support/wait-for.js";
import { memoryEngine } from "../support/engines.js";

/** An engine whose first flushes fail. */
function failingToFlush(times: number): { readonly engine: StorageEngine; readonly failures: () => number } {
  const real = memoryEngine();
  let failures = 0;
  const flush = (): Promise<void> => {
    if (failures >= times) return real.flush();
    failures += 1;
    return Promise.reject(new EkvError("INTERNAL", "the disk failed, as the test wants it to"));
  };
  const engine = new Proxy(real, {
    get: (target, name) => {
      if (name === "flush") return flush;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  return { engine, failures: () => failures };
}

describe("a store that took data over", { timeout: 240_000 }, () => {
  it("confirms it once its disk can be flushed again, without a change of the topology", async (t) => {
    const { engine, failures } = failingToFlush(2);
    const cluster = new HandCluster();
    t.after(() => cluster.stop());
    const owner = await cluster.start("s1", engine);
    await cluster.assignAll(owner);
    await waitFor("the first failure", () => failures() > 0);
    assert.equal(owner.store.appliedVersion(), 0);
    await cluster.commit();
    await waitFor("the confirmation", () => owner.store.appliedVersion() === 2);
    assert.equal(failures(), 2);
  });
});
