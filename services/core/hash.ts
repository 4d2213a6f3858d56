const openBrace = 0x7b;
const closeBrace = 0x7d;

function mix(k: number): number {
  const k1 = Math.imul(k, 0xcc9e2d51);
  return Math.imul((k1 << 15) | (k1 >>> 17), 0x1b873593);
}

/**
 * MurmurHash3 x86-32 with seed 0 (Austin Appleby, public domain) of `bytes[start, end)`. An unsigned 32-bit number.
 */
export function hashBytes(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const length = end - start;
  const blocksEnd = start + (length & ~3);
  let h = 0;
  for (let i = start; i < blocksEnd; i += 4) {
    const block =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    h ^= mix(block);
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = end - 1; i >= blocksEnd; i -= 1) tail = (tail << 8) | (bytes[i] as number);
  if (blocksEnd < end) h ^= mix(tail);
  h ^= length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * The point of a key on the ring: the hash of its bytes or, when it holds a non-empty `{tag}`, of the tag alone (the
 * Redis cluster specification's hash-tag rule), so that keys of one tag live together.
 */
export function hashKey(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  let open = start;
  while (open < end && bytes[open] !== openBrace) open += 1;
  if (open === end) return hashBytes(bytes, start, end);
  let close = open + 1;
  while (close < end && bytes[close] !== closeBrace) close += 1;
  if (close === end || close === open + 1) return hashBytes(bytes, start, end);
  return hashBytes(bytes, open + 1, close);
}

/** The partition of a point on the ring that is cut into 2^`partitionBits` equal arcs. */
export function partitionOf(hash: number, partitionBits: number): number {
  return partitionBits === 0 ? 0 : hash >>> (32 - partitionBits);
}
