/** Limits of keys, values and messages. Enforced at every edge; stores may be configured with other `valueBytesMax`. */
export const limits = {
  /** Longest key, in bytes. */
  keyBytesMax: 1024,
  /** Default longest value, in bytes. */
  valueBytesMax: 4_194_304,
  /** Highest value that `valueBytesMax` may be configured to. */
  valueBytesCeiling: 64_194_304,
  /** Most keys of one multi-get, multi-put, multi-delete or pipeline batch. */
  batchCallsMax: 16_384,
  /** Most bytes of keys and values together in one such batch, beyond one value of the greatest size. */
  batchBytesMax: 16_777_216,
  /** Bytes that an answer batch or browse page aims for. */
  answerBytesTarget: 1_048_576,
  /** Entries that a browse page aims for. */
  browsePageEntries: 1000,
  /** Partitions of a cluster: a power of two within these. */
  partitionCountMin: 1,
  partitionCountMax: 65_536,
  partitionCountDefault: 1024,
  /** Longest time to live, in milliseconds: 100 years. */
  ttlMsMax: 3_153_600_000_000,
  /** Bytes of a chunk of a transfer. */
  chunkBytesTarget: 65_536,
  /** Chunks sent and not yet verified, for one move. */
  chunksInFlightMax: 4,
  /** How often one chunk is sent again before the move is given up. */
  chunkRetriesMax: 3,
  /** Bytes queued for a move's target before the partition's writers are throttled. */
  catchUpQueueBytesMax: 8_388_608,
} as const;

/** Most bytes of a gRPC message, given the configured longest value. */
export function messageBytesMax(valueBytesMax: number): number {
  return limits.batchBytesMax + valueBytesMax + limits.answerBytesTarget;
}
