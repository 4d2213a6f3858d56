import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Epoch, brandAs } from "../../services/core/ids.js";
import type { EngineWrite } from "../../services/core/ports/storage-engine.js";
import { encodeRecord } from "../../services/core/record.js";
import { systemClock } from "../../services/runtime/clock.js";
import { systemRandom } from "../../services/runtime/random.js";
import type { LogEngine } from "../../services/store/engine/log/log-engine.js";
import { openLogFolder } from "../../services/store/engine/log/log-folder.js";
import { openLogEngine } from "../../services/store/engine/log/open-log.js";
import { generationOf, partitionOf, temporaryFolder } from "../support/engines.js";

const valueBytes = 500;

function writeOf(kind: "put" | "delete", key: string, seq: number): EngineWrite {
  const deleted = kind === "delete";
  const value = Buffer.alloc(deleted ? 0 : valueBytes, key);
  return {
    kind,
    partition: partitionOf(3),
    generation: generationOf(1),
    key: Buffer.from(key),
    record: encodeRecord({ epoch: brandAs<Epoch>(2), seq, expiresAtMs: 0, deleted }, value),
  };
}

/** Everything from a position on, in pieces of a few changes, as text. */
function textsSince(engine: LogEngine, from: number): string[] {
  const texts: string[] = [];
  for (let position = from; ;) {
    const found = engine.changesSince(position, 2);
    assert.ok(found);
    for (const { kind, partition, generation, key, version } of found.changes) {
      const name = Buffer.from(key).toString();
      texts.push(`${kind} ${partition}/${generation} ${name} ${version?.epoch}.${version?.seq}`);
    }
    if (found.changes.length === 0) return texts;
    position = found.position;
  }
}

for (const durability of ["commit", "fsync"] as const) {
  describe(`changes of a log, ${durability}`, () => {
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    let engine: LogEngine;
    /** Room for 30 records in memory: the others are on the disk alone. */
    const open = async (): Promise<LogEngine> =>
      openLogEngine({
        folder: await openLogFolder(folder.path),
        durability,
        clock: systemClock,
        random: systemRandom,
        segmentBytes: 4096,
        slackBytes: 32_768,
        memoryBytesMax: 16_384,
      });
    before(async () => {
      folder = await temporaryFolder();
      engine = await open();
    });
    after(async () => {
      await engine.close();
      await folder.remove();
    });

    test("come in the order of the writes, each once, over segments, batches and starts", async () => {
      const start = engine.changesEnd();
      assert.deepEqual(textsSince(engine, start), []);
      const expected: string[] = [];
      for (let seq = 1; seq <= 60; seq += 3) {
        await engine.commit([
          writeOf("put", `k${seq}`, seq),
          writeOf("put", `k${seq + 1}`, seq + 1),
          { kind: "meta", name: "m", value: Buffer.from(String(seq)) },
          writeOf("delete", `k${seq}`, seq + 2),
        ]);
        expected.push(`put 3/1 k${seq} 2.${seq}`, `put 3/1 k${seq + 1} 2.${seq + 1}`);
        expected.push(`delete 3/1 k${seq} 2.${seq + 2}`);
      }
      await engine.dropGeneration(partitionOf(3), generationOf(1));
      expected.push("drop 3/1  undefined.undefined");
      assert.deepEqual(textsSince(engine, start), expected);
      const end = engine.changesEnd();
      await engine.close();
      engine = await open();
      assert.equal(engine.changesEnd(), end);
      assert.deepEqual(textsSince(engine, start), expected);
    });

    test("leave out what cleaning moved, and say when they do not reach back", async () => {
      await engine.commit([writeOf("put", "kept", 100)]);
      const early = engine.changesEnd();
      let late = early;
      for (let seq = 101; seq < 500; seq += 1) {
        if (seq === 490) late = engine.changesEnd();
        await engine.commit([writeOf("put", "often", seq)]);
        if (seq % 10 === 0) await engine.flush();
      }
      assert.equal(engine.changesSince(early, 10), undefined, "the log was cleaned beyond it");
      assert.deepEqual(
        textsSince(engine, late),
        Array.from({ length: 10 }, (_, index) => `put 3/1 often 2.${490 + index}`),
      );
      assert.ok(engine.get(partitionOf(3), generationOf(1), Buffer.from("kept")));
    });

    test("a position that the log never had is told from one at its end", () => {
      assert.deepEqual(engine.changesSince(engine.changesEnd(), 10)?.changes, []);
      assert.equal(engine.changesSince(engine.changesEnd() + 2 ** 40, 10), undefined);
    });
  });
}
