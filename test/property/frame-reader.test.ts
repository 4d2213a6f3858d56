import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { FrameReader } from "../../services/wire/frame-reader.js";

const bodyBytesMax = 300;

type Frame = readonly [kind: number, body: string];

function bytesOf([kind, body]: Frame): Buffer {
  const bytes = Buffer.from(body, "hex");
  const header = Buffer.alloc(5);
  header[0] = kind;
  header.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([header, bytes]);
}

const frames = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 255 }),
    fc.uint8Array({ maxLength: bodyBytesMax }).map((bytes) => Buffer.from(bytes).toString("hex")),
  ),
  { maxLength: 12 },
);

describe("the frame reader", () => {
  it("finds the same frames however the bytes are cut", () => {
    fc.assert(
      fc.property(frames, fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(bytesOf));
        const found: Frame[] = [];
        const reader = new FrameReader(bodyBytesMax, (kind, body) =>
          found.push([kind, body.toString("hex")]),
        );
        for (let start = 0; start < bytes.length;) {
          const end = Math.min(bytes.length, start + (cuts.next().value as number));
          reader.push(bytes.subarray(start, end));
          start = end;
        }
        assert.deepEqual(found, sent);
      }),
      { numRuns: 300 },
    );
  });

  it("gives views of a chunk that holds whole frames, so that nothing is copied", () => {
    const chunk = Buffer.concat([bytesOf([0, "0102"]), bytesOf([0, "03"])]);
    const found: Buffer[] = [];
    new FrameReader(bodyBytesMax, (_kind, body) => found.push(body)).push(chunk);
    assert.deepEqual(
      found.map((body) => body.buffer === chunk.buffer && body.toString("hex")),
      ["0102", "03"],
    );
  });

  it("refuses a frame beyond the limit as soon as its header is there", () => {
    const header = bytesOf([0, "ff".repeat(bodyBytesMax + 1)]).subarray(0, 5);
    for (const cut of [1, 5]) {
      const reader = new FrameReader(bodyBytesMax, () => assert.fail("no frame is complete"));
      assert.throws(
        () => {
          reader.push(header.subarray(0, cut));
          reader.push(header.subarray(cut));
        },
        { code: "RESOURCE_EXHAUSTED", message: /a message of 301 bytes came; at most 300/ },
      );
    }
  });
});
