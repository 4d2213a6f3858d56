import { brandAs } from "../../services/core/ids.js";
import { encodeRecord } from "../../services/core/record.js";
import { deleteOf, generationOf, partitionOf, type SingleWrite } from "../support/engines.js";
import { SeededRandom } from "../simulation/world/random.js";
import { type Batch, dropOf } from "./chain.js";

/** What batches are like. */
export interface BatchStyle {
  readonly seed: number;
  /** Keys of a generation. */
  readonly keys: number;
  /** Values longer than this come now and then; a segment's size, to need a segment of their own. */
  readonly jumboBytes: number;
  /** Virtual or real time that expiries are around. */
  readonly wallMs: number;
}

const partitions = [0, 3, 511];
const generations = [1, 2, 4_294_967_295];

/** The batch of that number: the same for the same style, so that another process can make it again. */
export function batchOf(style: BatchStyle, number: number): Batch {
  const random = new SeededRandom(style.seed).fork(`batch ${number}`);
  if (random.chance(0.03)) return dropOf(random.pick(partitions), drawGeneration(random));
  const count = 1 + random.below(random.chance(0.06) ? 120 : 6);
  const writes = Array.from({ length: count }, (_, index) => drawWrite(style, random, number * 1000 + index));
  return { kind: "commit", writes };
}

function drawWrite(style: BatchStyle, random: SeededRandom, seq: number): SingleWrite {
  const partition = random.pick(partitions);
  const generation = drawGeneration(random);
  const kind = random.fraction();
  if (kind < 0.62) return drawPut(style, random, { partition, generation, seq });
  if (kind < 0.84) {
    return deleteOf(partition, generation, drawKey(style, random));
  }
  const value = filled(random.chance(0.9) ? 40 : random.below(300), seq);
  if (kind < 0.94) {
    return {
      kind: "counters",
      partition: partitionOf(partition),
      generation: generationOf(generation),
      value,
    };
  }
  return { kind: "meta", name: `meta/${random.below(5)}`, value: random.chance(0.8) ? value : undefined };
}

function drawPut(
  style: BatchStyle,
  random: SeededRandom,
  of: { partition: number; generation: number; seq: number },
): SingleWrite {
  const expiresAtMs = random.chance(0.2) ? style.wallMs + random.below(20_000) - 5000 : 0;
  return {
    kind: "put",
    partition: partitionOf(of.partition),
    generation: generationOf(of.generation),
    key: drawKey(style, random),
    record: encodeRecord(
      { epoch: brandAs(1), seq: of.seq, expiresAtMs },
      filled(drawLength(style, random), of.seq),
    ),
  };
}

/** The first generation mostly, so that keys are written again. */
function drawGeneration(random: SeededRandom): number {
  return random.chance(0.7) ? 1 : random.pick(generations);
}

function drawKey({ keys }: BatchStyle, random: SeededRandom): Uint8Array {
  const key = random.below(keys);
  // Keys of a byte, of a word, and of many bytes.
  return Buffer.from(
    key % 7 === 0 ? String.fromCharCode(key % 256) : `key/${key}/${"x".repeat(key % 5 === 0 ? 90 : 0)}`,
  );
}

function drawLength({ jumboBytes }: BatchStyle, random: SeededRandom): number {
  const kind = random.fraction();
  if (kind < 0.8) return random.below(120);
  if (kind < 0.97) return random.below(1500);
  if (kind < 0.992) return random.below(jumboBytes);
  return jumboBytes + random.below(2 * jumboBytes);
}

/** Bytes that tell which write they are of, wherever one looks. */
function filled(length: number, seq: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32BE((seq * 31 + at) >>> 0, at);
  return bytes;
}
