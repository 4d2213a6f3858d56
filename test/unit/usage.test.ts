import assert from "node:assert/strict";
import { it } from "node:test";
import { processUsage } from "../../services/runtime/usage.js";
import { waitFor } from "../support/wait-for.js";

/** Longer than the time between two samples. */
const sampledMs = 150;
const heldMs = 400;

async function sampled(): Promise<void> {
  const startedMs = performance.now();
  await waitFor("a sample", () => performance.now() - startedMs > sampledMs);
}

it("the event loop's delay is what a long turn held it up by", async () => {
  const usage = processUsage();
  usage.start();
  try {
    await sampled();
    const startedMs = performance.now();
    while (performance.now() - startedMs < heldMs);
    await sampled();
    const delayMs = usage.eventLoopDelayP99Ms();
    assert.ok(delayMs > heldMs / 2, `${delayMs} ms`);
    assert.equal(usage.eventLoopDelayP99Ms(), 0);
  } finally {
    usage.stop();
  }
});
