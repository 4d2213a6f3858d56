import { totalmem } from "node:os";

const dataBytesDefault = 1_073_741_824;

/** Bytes of memory that this process may use: its container's limit, or what the machine has. */
export function availableMemory(): number {
  // Without a limit it is 0, or a number beyond any machine's.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/**
 * Bytes of data and index that a store holds in memory.
 *
 * @param configured 0: half of what is there, 1 GiB at most
 */
export function decideMemoryBytesMax(configured: number, availableBytes: number): number {
  return configured > 0 ? configured : Math.min(dataBytesDefault, Math.floor(availableBytes / 2));
}
