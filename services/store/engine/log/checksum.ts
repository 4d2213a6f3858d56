function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

/** The state of a checksum after one word more. */
export function mixed(hash: number, word: number): number {
  const scrambled = Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
  return (Math.imul(rotate(hash ^ scrambled, 13), 5) + 0xe6546b64) | 0;
}

/** The checksum, from its state after the last word. */
export function finished(hash: number): number {
  const a = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  const b = Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return b ^ (b >>> 16);
}

/**
 * MurmurHash3 x86-32 (Austin Appleby, public domain) of whole words, without the length. Every step can be undone, so
 * a change within one word always changes the result; any other damage passes once in 2³² times.
 *
 * @param start first word
 * @param end the word after the last
 * @returns a signed 32-bit number
 */
export function checksumOf(words: Int32Array, start: number, end: number, seed: number): number {
  let hash = seed;
  for (let i = start; i < end; i += 1) hash = mixed(hash, words[i] as number);
  return finished(hash);
}

/** The four bytes at `i`, as a word. */
export function wordAt(bytes: Uint8Array, i: number): number {
  return (
    (bytes[i] as number) |
    ((bytes[i + 1] as number) << 8) |
    ((bytes[i + 2] as number) << 16) |
    ((bytes[i + 3] as number) << 24)
  );
}

/** The hash of the key at `start` to `end` of `bytes`, as the index uses it: unsigned, 32 bits. */
export function keyHash(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed;
  let i = start;
  for (; i + 4 <= end; i += 4) hash = mixed(hash, wordAt(bytes, i));
  let rest = 0;
  for (; i < end; i += 1) rest = (rest << 8) | (bytes[i] as number);
  return finished(mixed(hash, rest) ^ (end - start)) >>> 0;
}
