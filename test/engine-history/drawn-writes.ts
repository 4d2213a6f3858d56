import { brandAs, type Epoch } from "../../services/core/ids.js";
import type { GenerationName } from "../../services/core/ports/storage-engine.js";
import { encodeRecord } from "../../services/core/record.js";
import type { SeededRandom } from "../simulation/world/random.js";
import type { SingleWrite } from "../support/engines.js";

/** A generation that is written to. */
export interface Target extends GenerationName {
  /** So many keys it may have. */
  readonly keys: number;
}

/** What writes are drawn by. */
export interface WriteStyle {
  readonly random: SeededRandom;
  readonly wallMs: number;
  /** Some records are longer than this. */
  readonly segmentBytes: number;
}

/** A write to a generation. `seq` tells records of one key apart. */
export function drawWrite(
  style: WriteStyle,
  { partition, generation, keys }: Target,
  seq: number,
): SingleWrite {
  const { random } = style;
  const target = { partition, generation };
  const kind = random.fraction();
  if (kind < 0.04) return { kind: "counters", ...target, value: filled(8 + random.below(60), seq) };
  if (kind < 0.06) {
    const value = random.chance(0.8) ? filled(random.below(200), seq) : undefined;
    return { kind: "meta", name: `meta/${random.below(6)}`, value };
  }
  const key = drawKey(random, keys);
  if (kind < 0.25) return deletion(target, key, seq);
  const expiresAtMs = random.chance(0.2) ? style.wallMs - 500 + random.below(20_000) : 0;
  const value = filled(drawLength(style), seq);
  return {
    kind: "put",
    ...target,
    key,
    record: encodeRecord({ epoch: brandAs<Epoch>(1), seq, expiresAtMs }, value),
  };
}

/** The deletion of a key, with its tombstone. */
export function deletion(target: GenerationName, key: Uint8Array, seq: number): SingleWrite {
  const { partition, generation } = target;
  const header = { epoch: brandAs<Epoch>(1), seq, expiresAtMs: 0, deleted: true };
  return { kind: "delete", partition, generation, key, record: encodeRecord(header, Buffer.alloc(0)) };
}

/** Few are written often. */
export function drawKey(random: SeededRandom, keys: number): Uint8Array {
  const number = Math.floor(keys * random.fraction() ** 2);
  // Of a byte, of some, and long ones; prefixes of one another among them.
  if (number % 11 === 0) return Buffer.of(number % 256);
  return Buffer.from(`k${number}${"/".repeat(number % 13 === 0 ? 150 : 0)}`);
}

function drawLength({ random, segmentBytes }: WriteStyle): number {
  const kind = random.fraction();
  if (kind < 0.85) return random.below(160);
  if (kind < 0.99) return random.below(1500);
  return random.below(random.chance(0.2) ? 3 * segmentBytes : segmentBytes);
}

/** Bytes that say which write they are of, wherever one looks. */
function filled(length: number, seq: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32BE((seq * 31 + at) >>> 0, at);
  return bytes;
}
