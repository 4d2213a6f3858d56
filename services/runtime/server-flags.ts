/**
 * Flags of Node for a store's or a master's process, to be given before its program; the images have the same.
 *
 * A server makes much garbage that dies young, and its heap is small, for the data lies outside of it. V8's helper threads take
 * longer to wake than what they help with, and a young generation that begins at 1 MiB is collected dozens of times a
 * second. Side by side on two cores: up to 17 % more calls a second (docs/performance.md). They cost up to 48 MiB of memory.
 */
export const serverFlags: readonly string[] = ["--single-threaded-gc", "--min-semi-space-size=16"];
