import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PartitionDigest } from "../../services/core/digest.js";
import { brandAs, type Epoch, type MoveId, type PartitionId } from "../../services/core/ids.js";
import { limits } from "../../services/core/limits.js";
import { MoveSource, type MoveSourceEvent } from "../../services/core/store/move-source.js";

const epoch = brandAs<Epoch>(3);
const version = { epoch, seq: 40 };

function newMove(): MoveSource {
  return new MoveSource(brandAs<MoveId>("move-1"), brandAs<PartitionId>(7));
}

/** The names of the effects of each event, as one line an event. */
function trace(move: MoveSource, events: readonly MoveSourceEvent[]): string[] {
  return events.map((event) => {
    const effects = move.step(event).map((effect) => effect.kind);
    return `${event.kind} -> ${effects.join(", ") || "-"}`;
  });
}

const empty = new PartitionDigest();
const other = new PartitionDigest();
other.add(Uint8Array.of(1), new Uint8Array(11));

const upToReady: readonly MoveSourceEvent[] = [
  { kind: "snapshot-taken", version },
  { kind: "chunk-sent", chunk: 0, last: false },
  { kind: "accepted", nextChunk: 0 },
  { kind: "chunk-sent", chunk: 1, last: true },
  { kind: "chunk-verified", chunk: 0, verified: true },
  { kind: "stored", version, digest: empty },
  { kind: "progress", queuedBytes: 0 },
];
/** Something was written since the snapshot. */
const later = { epoch, seq: 41 };

describe("the source of a move", () => {
  it("copies, catches up, hands over and releases, in this order", () => {
    const lines = trace(newMove(), [
      ...upToReady,
      { kind: "transfer-ordered", version: later, digest: other },
      { kind: "barrier-answered", version: later, digest: other.copy() },
      { kind: "drained", version: later, digest: other },
    ]);
    assert.deepEqual(lines, [
      "snapshot-taken -> send-start, send-chunk",
      "chunk-sent -> -",
      "accepted -> send-chunk",
      "chunk-sent -> -",
      "chunk-verified -> -",
      "stored -> close-snapshot, open-queue",
      "progress -> require-target, report-ready",
      "transfer-ordered -> send-barrier",
      "barrier-answered -> start-handoff",
      "drained -> release",
    ]);
  });

  it("asks the target for nothing when nothing was written behind a copy that is the same", () => {
    const sinceOrdered = (ordered: typeof version, digest: PartitionDigest): string | undefined =>
      trace(newMove(), [...upToReady, { kind: "transfer-ordered", version: ordered, digest }]).at(-1);
    const raised = { epoch: brandAs<Epoch>(epoch + 1), seq: version.seq };
    assert.equal(sinceOrdered(raised, empty.copy()), "transfer-ordered -> start-handoff");
    assert.equal(sinceOrdered(raised, other), "transfer-ordered -> send-barrier", "another digest");
    assert.equal(sinceOrdered(later, empty.copy()), "transfer-ordered -> send-barrier", "a later write");

    const move = newMove();
    const lines = trace(move, [
      ...upToReady,
      { kind: "transfer-ordered", version: raised, digest: empty.copy() },
      { kind: "drained", version: raised, digest: empty.copy() },
    ]);
    assert.equal(lines.at(-1), "drained -> release");
  });

  it("compares again, with calls waiting, when something was written during the first comparison", () => {
    const [before, after] = [other, new PartitionDigest()];
    after.add(Uint8Array.of(2), new Uint8Array(11));
    const latest = { epoch, seq: 42 };
    const sinceOrdered = (
      answered: typeof version,
      drained: typeof version,
      digest: PartitionDigest,
    ): string[] =>
      trace(newMove(), [
        ...upToReady,
        { kind: "transfer-ordered", version: later, digest: before },
        { kind: "barrier-answered", version: answered, digest: digest.copy() },
        { kind: "drained", version: drained, digest: after },
        { kind: "barrier-answered", version: drained, digest: after.copy() },
      ]).slice(upToReady.length);
    const twice = [
      "transfer-ordered -> send-barrier",
      "barrier-answered -> start-handoff",
      "drained -> send-barrier",
      "barrier-answered -> release",
    ];
    assert.deepEqual(sinceOrdered(later, latest, before), twice, "a write after the answer");
    assert.deepEqual(sinceOrdered(latest, latest, after), twice, "a write before the answer");
    assert.deepEqual(sinceOrdered(later, later, before), twice, "a write that was undone");
  });

  it("reports READY only after acknowledgements need the target", () => {
    const move = newMove();
    trace(move, upToReady.slice(0, -1));
    assert.deepEqual(
      move.step({ kind: "progress", queuedBytes: 1_000_000 }),
      [],
      "a target far behind is not ready",
    );
    const effects = move.step({ kind: "progress", queuedBytes: 0 }).map((effect) => effect.kind);
    assert.deepEqual(effects, ["require-target", "report-ready"]);
  });

  it("moves an empty partition without a chunk", () => {
    const lines = trace(newMove(), [
      { kind: "snapshot-taken", version },
      { kind: "accepted", nextChunk: 0 },
      { kind: "snapshot-empty" },
      { kind: "stored", version, digest: empty },
    ]);
    assert.deepEqual(lines.slice(-2), [
      "snapshot-empty -> send-complete",
      "stored -> close-snapshot, open-queue",
    ]);
  });

  it("keeps no more chunks in flight than the window", () => {
    const move = newMove();
    trace(move, upToReady.slice(0, 3));
    for (let chunk = 1; chunk < limits.chunksInFlightMax - 1; chunk += 1) {
      assert.equal(move.step({ kind: "chunk-sent", chunk, last: false }).length, 1);
    }
    const full = { kind: "chunk-sent", chunk: limits.chunksInFlightMax - 1, last: false } as const;
    assert.deepEqual(move.step(full), []);
    const verified = move.step({ kind: "chunk-verified", chunk: 0, verified: true });
    assert.deepEqual(verified, [{ kind: "send-chunk" }]);
  });

  it("sends a damaged chunk again, a few times, then gives up with CHECKSUM", () => {
    const move = newMove();
    trace(move, upToReady.slice(0, 4));
    for (let time = 0; time < limits.chunkRetriesMax; time += 1) {
      assert.deepEqual(move.step({ kind: "chunk-verified", chunk: 1, verified: false }), [
        { kind: "resend-chunk", chunk: 1 },
      ]);
    }
    const last = move.step({ kind: "chunk-verified", chunk: 1, verified: false });
    assert.equal(last[0]?.kind === "give-up" && last[0].reason, "CHECKSUM");
    assert.equal(move.phase, "given-up");
  });

  it("takes a broken transfer up where the target stands", () => {
    const move = newMove();
    trace(move, upToReady.slice(0, 4));
    assert.equal(move.step({ kind: "link-broken", message: "reset" })[0]?.kind, "send-start");
    assert.deepEqual(move.step({ kind: "accepted", nextChunk: 1 }), [{ kind: "resend-chunk", chunk: 1 }]);
    const effects = move.step({ kind: "chunk-verified", chunk: 1, verified: true });
    assert.deepEqual(effects, [{ kind: "send-complete", chunks: 2 }]);
  });

  it("reads one chunk at a time, and counts one that was being read when the link broke", () => {
    const lines = trace(newMove(), [
      ...upToReady.slice(0, 3),
      { kind: "chunk-verified", chunk: 0, verified: true },
      { kind: "link-broken", message: "reset" },
      { kind: "chunk-sent", chunk: 1, last: true },
      { kind: "accepted", nextChunk: 1 },
      { kind: "chunk-verified", chunk: 1, verified: true },
    ]);
    assert.deepEqual(lines.slice(2), [
      "accepted -> send-chunk",
      "chunk-verified -> -",
      "link-broken -> send-start",
      "chunk-sent -> -",
      "accepted -> resend-chunk",
      "chunk-verified -> send-complete",
    ]);
  });

  it("gives up when the link breaks behind the snapshot, and never resumes after RELEASE", () => {
    const ready = newMove();
    trace(ready, upToReady);
    const effects = ready.step({ kind: "link-broken", message: "reset" });
    assert.equal(effects[0]?.kind === "give-up" && effects[0].reason, "PEER_UNREACHABLE");

    const released = newMove();
    trace(released, [
      ...upToReady,
      { kind: "transfer-ordered", version, digest: empty },
      { kind: "drained", version, digest: empty },
    ]);
    assert.deepEqual(released.step({ kind: "link-broken", message: "reset" }), []);
    assert.deepEqual(released.step({ kind: "nacked", reason: "CANCELLED", message: "late" }), []);
    assert.equal(released.phase, "released");
  });

  it("does not release when digests differ, or agree at another version", () => {
    const handOver: readonly MoveSourceEvent[] = [
      ...upToReady,
      { kind: "transfer-ordered", version, digest: other },
      { kind: "barrier-answered", version, digest: empty },
      { kind: "drained", version, digest: other },
    ];
    const different = newMove();
    assert.equal(trace(different, handOver).at(-1), "drained -> send-barrier");
    const effects = different.step({ kind: "barrier-answered", version, digest: empty });
    assert.equal(effects[0]?.kind === "give-up" && effects[0].reason, "DIGEST_MISMATCH");

    const behind = newMove();
    trace(behind, handOver);
    const early = { epoch, seq: 39 };
    const late = behind.step({ kind: "barrier-answered", version: early, digest: other.copy() });
    assert.equal(late[0]?.kind === "give-up" && late[0].reason, "DIGEST_MISMATCH");
  });

  it("takes no answer to an earlier attempt for one to this", () => {
    const move = newMove();
    trace(move, upToReady.slice(0, -2));
    const earlier = { epoch: brandAs<Epoch>(epoch - 1), seq: version.seq };
    assert.deepEqual(move.step({ kind: "stored", version: earlier, digest: empty }), []);
    assert.equal(move.phase, "copying");
  });

  it("ignores events that do not fit its state", () => {
    const move = newMove();
    assert.deepEqual(move.step({ kind: "stored", version, digest: empty }), []);
    assert.deepEqual(move.step({ kind: "transfer-ordered", version, digest: new PartitionDigest() }), []);
    assert.equal(move.phase, "opening");
  });
});
