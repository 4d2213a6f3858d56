import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PartitionDigest } from "../../services/core/digest.js";
import { brandAs, type Epoch, type Generation, type PartitionId } from "../../services/core/ids.js";
import { encodeRecord } from "../../services/core/record.js";
import { encodeCounters } from "../../services/core/store/counters.js";
import { findDifference } from "../simulation/checkers/data.js";
import { findLeftovers } from "../simulation/checkers/disks.js";
import { MovedDataChecker } from "../simulation/checkers/moved-data.js";
import { findSharedPartition } from "../simulation/checkers/ownership.js";
import { RequiredReplicasChecker } from "../simulation/checkers/required-replicas.js";
import { memoryEngine } from "../support/engines.js";

const partition = brandAs<PartitionId>(3);
const epochOf = (epoch: number): Epoch => brandAs<Epoch>(epoch);
const generation = brandAs<Generation>(1);
const record = (seq: number, value: string): Uint8Array =>
  encodeRecord({ epoch: epochOf(1), seq, expiresAtMs: 0, deleted: false }, Buffer.from(value));

async function diskWith(
  entries: Readonly<Record<string, string>>,
  of: Generation = generation,
): Promise<ReturnType<typeof memoryEngine>> {
  const disk = memoryEngine();
  const digest = new PartitionDigest();
  const batch = Object.entries(entries).map(([name, value], index) => {
    const key = Buffer.from(name);
    const stored = record(index + 1, value);
    digest.add(key, stored);
    return { kind: "put", partition, generation: of, key, record: stored } as const;
  });
  const counters = encodeCounters(batch.length, digest);
  await disk.commit([...batch, { kind: "counters", partition, generation: of, value: counters }]);
  return disk;
}

describe("the checker of ownership", () => {
  const served = (storeId: string, readable: boolean, writable: boolean) => ({
    storeId,
    partitions: [{ id: partition, readable, writable }],
  });

  it("takes one owner, or none", () => {
    assert.equal(findSharedPartition([served("a", true, true), served("b", false, false)]), undefined);
    assert.equal(findSharedPartition([served("a", false, false), served("b", false, false)]), undefined);
  });

  it("refuses two, even when one only reads", () => {
    assert.match(
      findSharedPartition([served("a", true, true), served("b", true, false)]) ?? "",
      /a and by b/,
    );
  });
});

describe("the checker of moved data", () => {
  const store = (
    storeId: string,
    disk: ReturnType<typeof memoryEngine>,
    state: { readonly epoch: number; readonly releasedEpoch?: number; readonly readable: boolean },
  ) => ({
    storeId,
    disk,
    partitions: [
      {
        id: partition,
        generation,
        epoch: epochOf(state.epoch),
        releasedEpoch: epochOf(state.releasedEpoch ?? 0),
        readable: state.readable,
      },
    ],
  });

  it("takes a hand-off of the same data, and what is written behind it", async () => {
    const checker = new MovedDataChecker();
    const source = store("a", await diskWith({ k: "1" }), { epoch: 2, releasedEpoch: 2, readable: false });
    assert.equal(checker.look([source]), undefined);
    const target = (disk: ReturnType<typeof memoryEngine>) => store("b", disk, { epoch: 3, readable: true });
    assert.equal(checker.look([source, target(await diskWith({ k: "1" }))]), undefined);
    assert.equal(checker.look([source, target(await diskWith({ k: "1", l: "2" }))]), undefined);
    assert.equal(checker.compared, 1);
  });

  it("refuses one that lost, added or changed a record", async () => {
    for (const wrong of [{}, { k: "1", l: "2" }, { k: "2" }]) {
      const checker = new MovedDataChecker();
      checker.look([store("a", await diskWith({ k: "1" }), { epoch: 2, releasedEpoch: 2, readable: false })]);
      const target = store("b", await diskWith(wrong), { epoch: 3, readable: true });
      assert.match(checker.look([target]) ?? "", /partition 3 came from a to b/);
    }
  });

  it("names the first difference", () => {
    const source = new Map([["k", "1"]]);
    assert.equal(findDifference(source, new Map([["k", "1"]])), undefined);
    assert.equal(findDifference(source, new Map()), "k is missing");
    assert.equal(findDifference(source, new Map([["k", "2"]])), "k differs");
  });
});

describe("the checker of disks", () => {
  const live = [{ partition, generation }];

  it("takes disks that hold what is served, and nothing else", async () => {
    const disk = await diskWith({ k: "1" });
    const missing = findLeftovers([{ storeId: "a", live, disk }], 4);
    assert.deepEqual(
      missing,
      [0, 1, 2].map((id) => `partition ${id} is live nowhere`),
    );
  });

  it("refuses data, copies and counters that nobody serves", async () => {
    const disk = await diskWith({ k: "1" });
    await disk.commit([{ kind: "meta", name: "staged/0", value: Buffer.from("{}") }]);
    const found = findLeftovers([{ storeId: "a", live: [], disk }], 0);
    assert.deepEqual(found, ["a still has data or counters of generation 3/1", "a still has staged/0"]);
  });

  it("refuses two owners, and counters that are not those of the data", async () => {
    const disk = await diskWith({ k: "1" });
    await disk.commit([
      { kind: "put", partition, generation, key: Buffer.from("m"), record: record(9, "unseen") },
    ]);
    const found = findLeftovers(
      [
        { storeId: "a", live, disk: await diskWith({ k: "1" }) },
        { storeId: "b", live, disk },
      ],
      0,
    );
    assert.equal(found.length, 2);
    assert.match(found[0] ?? "", /live at a and at b/);
    assert.match(found[1] ?? "", /counters say 1 keys, the data has 2/);
  });
});

describe("the checker of required replicas", () => {
  const source = (ackedSeq: number, required = true) => ({
    storeId: "a",
    partitions: [
      {
        id: partition,
        epoch: epochOf(4),
        entry: { primary: { storeId: "a" } },
        follower: { required, ackedSeq },
      },
    ],
  });

  it("takes acknowledgements of what the target has, and those that left before it was required", () => {
    const checker = new RequiredReplicasChecker();
    checker.look(50, [source(7, false)]);
    checker.look(100, [source(7)]);
    checker.look(200, [source(8)]);
    assert.equal(checker.acknowledged(partition, { epoch: epochOf(4), seq: 8 }, 200), undefined);
    assert.equal(checker.acknowledged(partition, { epoch: epochOf(4), seq: 9 }, 60), undefined);
    assert.equal(checker.acknowledged(partition, { epoch: epochOf(4), seq: 9 }, 100), undefined);
  });

  it("takes what is acknowledged once the target is needed no more", () => {
    const checker = new RequiredReplicasChecker();
    checker.look(100, [source(7)]);
    checker.look(200, [source(7, false)]);
    assert.equal(checker.acknowledged(partition, { epoch: epochOf(4), seq: 9 }, 200), undefined);
  });

  it("refuses one of a write that the target did not have yet", () => {
    const checker = new RequiredReplicasChecker();
    checker.look(100, [source(7)]);
    checker.look(200, [source(8)]);
    assert.match(
      checker.acknowledged(partition, { epoch: epochOf(4), seq: 8 }, 150) ?? "",
      /write 4\.8 of partition 3/,
    );
  });
});
