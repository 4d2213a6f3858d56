import type { RandomStream } from "./random-stream.js";

const spareBytes = 1 << 20;
const printable = { first: 33, count: 94 };

/** Values of one length that differ from each other: views into a pool of random printable bytes. */
export function valuePool(valueBytes: number, random: RandomStream): () => Buffer {
  const pool = Buffer.allocUnsafe(valueBytes + spareBytes);
  for (let i = 0; i < pool.length; i += 1) pool[i] = printable.first + Math.floor(random() * printable.count);
  return () => {
    const start = Math.floor(random() * spareBytes);
    return pool.subarray(start, start + valueBytes);
  };
}
