import assert from "node:assert/strict";
import { recordExpiresAtMs } from "../../services/core/record.js";
import type { StorageEngine } from "../../services/core/ports/storage-engine.js";
import { type Content, countersName, metaName, recordName, textOf } from "./content.js";

/** Everything that an engine holds. Throws when two ways of reading it disagree. */
export function contentOf(engine: StorageEngine): Content {
  const content = new Map<string, string>();
  const expiring = new Set<string>();
  for (const { partition, generation } of engine.listGenerations()) {
    const counters = engine.getCounters(partition, generation);
    if (counters) content.set(countersName(partition, generation), textOf(counters));
    let count = 0;
    for (const { key, record } of engine.range(partition, generation)) {
      const name = recordName(partition, generation, key);
      assert.ok(!content.has(name), `a range has ${name} twice`);
      content.set(name, textOf(record));
      if (recordExpiresAtMs(record) !== 0) expiring.add(name);
      count += 1;
      const got = engine.get(partition, generation, key);
      assert.equal(got && textOf(got), textOf(record), `get and range disagree on ${name}`);
    }
    assert.ok(
      count > 0 || counters,
      `there is nothing of generation ${partition}/${generation}, which is listed`,
    );
    const snapshot = engine.snapshot(partition, generation);
    for (const { key, record } of snapshot.entries()) {
      const name = recordName(partition, generation, key);
      assert.equal(textOf(record), content.get(name), `a snapshot has something else as ${name}`);
      count -= 1;
    }
    snapshot.close();
    assert.equal(count, 0, `a snapshot of ${partition}/${generation} lacks keys`);
  }
  for (const { name, value } of engine.listMeta("")) content.set(metaName(name), textOf(value));
  const expired = engine.expired(Number.MAX_SAFE_INTEGER, 1_000_000);
  const found = expired.map(({ partition, generation, key }) => recordName(partition, generation, key));
  assert.deepEqual(found.sort(), [...expiring].sort(), "the index of what expires");
  return content;
}
