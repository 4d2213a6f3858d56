import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { importDataSet } from "../../examples/demo/bulk.js";
import { buildDataSet } from "../../examples/demo/data-set.js";
import { Findings } from "../../examples/demo/findings.js";
import { LatencyRecorder } from "../../examples/demo/latency.js";
import { KeyModel } from "../../examples/demo/model.js";
import { SeededRandom } from "../../examples/demo/random.js";
import { verify } from "../../examples/demo/verification.js";
import { Worker } from "../../examples/demo/worker.js";
import type { WorkloadContext } from "../../examples/demo/workload-context.js";
import { EkvError } from "../../services/core/errors.js";
import { MemoryClient } from "../support/faulty-client.js";

const dataSet = buildDataSet({
  cities: [
    { cityId: 11, name: "Zürich" },
    { cityId: 12, name: "Genève" },
  ],
  words: ["aa", "aah", "aahed", "aahing", "aahs", "aal", "aalii", "aaliis"],
});
const workers = 2;
const never = new AbortController().signal;

/** Imports, lets two workers make calls in turn, verifies. */
async function runAgainst(client: MemoryClient, steps = 1500): Promise<Findings> {
  const findings = new Findings();
  const model = new KeyModel(dataSet.size);
  const latency = new LatencyRecorder(performance);
  const context: WorkloadContext = { client, dataSet, model, findings, latency, workers, readFraction: 0.5 };
  await importDataSet({ client, dataSet, model, workers, signal: never });
  const random = new SeededRandom(7);
  const crew = Array.from({ length: workers }, (_, id) => new Worker(context, id, random.fork()));
  for (let step = 0; step < steps; step += 1) await Promise.all(crew.map((worker) => worker.step()));
  await verify({ client, dataSet, model, findings, workers, prefixes: [""], signal: never });
  return findings;
}

/** The keys of calls found wrong, by what was said of them. */
async function complaintsAbout(client: MemoryClient): Promise<string> {
  const findings = await runAgainst(client);
  assert.ok(findings.wrongAnswerCount > 0, "nothing was found wrong");
  return findings.wrongAnswers.map(({ call, what }) => `${call}: ${what}`).join("\n");
}

describe("the demo's workload", () => {
  it("finds nothing wrong with a store that works, and makes every kind of call", async () => {
    const findings = await runAgainst(new MemoryClient());
    assert.deepEqual(findings.wrongAnswers, []);
    assert.equal(findings.failureCount, 0);
    assert.deepEqual(Object.keys(findings.calls), [
      "contains",
      "delete",
      "delete-absent",
      "get",
      "get-entry",
      "get-many",
      "put",
      "put-if-absent",
      "put-if-absent-refused",
      "put-if-version",
      "put-if-version-refused",
      "put-many",
    ]);
  });

  it("finds a write that was acknowledged and lost", async () => {
    class Losing extends MemoryClient {
      #writes = 0;
      override async put(...args: Parameters<MemoryClient["put"]>): ReturnType<MemoryClient["put"]> {
        const before = this.entries.get(args[0]);
        const version = await super.put(...args);
        this.#writes += 1;
        if (this.#writes === 100 && before) this.entries.set(args[0], before);
        return version;
      }
    }
    assert.match(await complaintsAbout(new Losing()), /stale/);
  });

  it("finds a deleted key that comes back", async () => {
    class Resurrecting extends MemoryClient {
      override async delete(key: string): Promise<boolean> {
        return this.entries.has(key);
      }
    }
    assert.match(await complaintsAbout(new Resurrecting()), /stale|deleted it|existed = true/);
  });

  it("finds a delete that says the wrong thing about the key's existence", async () => {
    class Forgetful extends MemoryClient {
      override async delete(key: string): Promise<boolean> {
        await super.delete(key);
        return false;
      }
    }
    assert.match(await complaintsAbout(new Forgetful()), /^delete: answered existed = false$/m);
  });

  it("finds a key that vanished", async () => {
    class Vanishing extends MemoryClient {
      override async getEntry(key: string): ReturnType<MemoryClient["getEntry"]> {
        return key === "city:11" ? undefined : super.getEntry(key);
      }
    }
    assert.match(await complaintsAbout(new Vanishing()), /is absent/);
  });

  it("finds conditions that are ignored", async () => {
    class Unconditional extends MemoryClient {
      override put(...[key, value]: Parameters<MemoryClient["put"]>): ReturnType<MemoryClient["put"]> {
        return super.put(key, value);
      }
    }
    assert.match(await complaintsAbout(new Unconditional()), /though its condition did not hold/);
  });

  it("finds a value under another key", async () => {
    class Mixing extends MemoryClient {
      override get(key: string): ReturnType<MemoryClient["get"]> {
        return super.get(key === "word:aa" ? "word:aah" : key);
      }
    }
    assert.match(await complaintsAbout(new Mixing()), /is damaged/);
  });

  it("finds keys that a scan misses, repeats or invents", async () => {
    class Scanning extends MemoryClient {
      override async *scan(): AsyncIterable<{ readonly key: Buffer }> {
        for (const key of ["word:aa", "word:aa", "word:zz"]) yield { key: Buffer.from(key) };
      }
    }
    const client = new Scanning();
    const findings = await runAgainst(client, 0);
    const found = findings.wrongAnswers.map(({ key, what }) => `${key} ${what}`);
    assert.deepEqual(found.slice(0, 3), [
      "word:aa was found twice",
      "word:zz was never written",
      "city:11 was not found",
    ]);
    assert.equal(findings.wrongAnswerCount, 2 + dataSet.size - 1);
  });

  it("counts a failed call, and does not hold its unknown outcome against later answers", async () => {
    class Failing extends MemoryClient {
      #writes = 0;
      override async put(...args: Parameters<MemoryClient["put"]>): ReturnType<MemoryClient["put"]> {
        this.#writes += 1;
        if (this.#writes === 50) throw new EkvError("OUTCOME_UNKNOWN", "connection lost");
        if (this.#writes === 60) throw new EkvError("UNAVAILABLE", "no owner", { notExecuted: true });
        return super.put(...args);
      }
    }
    const findings = await runAgainst(new Failing());
    assert.equal(findings.failureCount, 2);
    assert.match(findings.failures[0]?.what ?? "", /^OUTCOME_UNKNOWN: connection lost$/);
    assert.deepEqual(findings.wrongAnswers, []);
  });

  it("makes the same calls for the same seed", async () => {
    const [first, second] = [await runAgainst(new MemoryClient()), await runAgainst(new MemoryClient())];
    assert.deepEqual(first.calls, second.calls);
  });
});
