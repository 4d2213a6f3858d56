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
  /** Calls in flight of all the SDK's bulk calls together, and the bytes of keys and values that these hold. */
  bulkCallsMax: 4096,
  bulkBytesMax: 33_554_432,
  /** Most fields and 32-bit numbers in one request: 32 for each call of the largest batch. */
  messageItemsMax: 524_288,
  /** As above for what stores tell the master and each other: 64 for each partition of the largest cluster. */
  messageItemsMaxBetweenServers: 4_194_304,
  /** Most streams of one connection; clients wait before they open more. */
  streamsPerConnectionMax: 4096,
  /** Longest identifier that others choose: of processes, clients, moves, operations. */
  idCharactersMax: 64,
  /** Longest host:port. */
  addressCharactersMax: 261,
  /** Longest text of others that is logged, stored or sent back; longer ones are cut. */
  foreignTextMax: 1024,
  /** Highest epoch and incarnation that are believed: there is always a next one. */
  epochMax: 2_147_483_647,
  incarnationMax: 281_474_976_710_655,
  /** Backups, and learners, of one partition. */
  replicasMax: 16,
  /** Moves that one heartbeat may report on: a store has a partition in one move at most. */
  moveReportsMax: 131_072,
  /** Copies of others' partitions that one heartbeat tells of; the rest is told of when they are gone. */
  strayReplicasMax: 64,
  /** Problems that one heartbeat reports; the rest is left out. */
  storeProblemsMax: 8,
  /** Ports that a launcher tries for a store whose own is in use. */
  portsTriedMax: 100,
  /** Stores of a cluster. */
  storesMax: 1024,
  /** Operations that have not ended; more are refused. */
  operationsActiveMax: 64,
  /** Calls of one batch whose remaining times differ by no more than this, in milliseconds, share the shortest. */
  timeoutSpreadMsMax: 5,
  /** How long a client believes what an answer showed of its store's clock, in milliseconds: clocks drift apart. */
  streamClockWindowMs: 30_000,
  /** File descriptors that a server keeps for itself, from its clients: at least, at most, and as a share of what it may open. */
  descriptorsReservedMin: 64,
  descriptorsReservedMax: 4096,
  descriptorsReservedShare: 0.25,
  /** How often a server logs that it refuses connections, at most, in milliseconds. */
  refusedLogMs: 10_000,
  /** How often a server looks whether it stood still, in milliseconds: each time wakes an idle process. */
  standstillLookMs: 100,
  /** Time without such a look that counts as standing still, in milliseconds; less is an ordinary delay. */
  standstillMsMin: 250,
  /** Bytes that an answer batch or browse page holds at most, unless one answer or entry is longer. */
  answerBytesTarget: 1_048_576,
  /** Bytes of keys and values that a client puts into one batch, unless one call has more. */
  requestBytesTarget: 1_048_576,
  /** A value above this travels in a message of its own, in parts, so that other calls get past it. */
  largeValueBytes: 262_144,
  /** Long values that one client sends to one store before it has the answers. */
  largeWritesUnansweredMax: 2,
  /** Bytes of one part of a long message. */
  partBytes: 131_072,
  /** Entries that a browse page aims for. */
  browsePageEntries: 1000,
  /** Partitions that a browse page looks into: a search for few keys in many of them. */
  browsePagePartitions: 64,
  /** How often the holder of a data folder shows that it lives, in milliseconds. */
  folderLockRefreshMs: 2000,
  /** Silence after which a holder on another host, whose lock cannot be seen, is taken for dead, in milliseconds. */
  folderLockStaleMs: 15_000,
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
  /** Between the beginnings of attempts to reach several servers side by side, in milliseconds. RFC 8305 recommends it. */
  staggerMs: 250,
  /** How long a master that has answered is asked again before any other is looked for, in milliseconds. */
  masterFreshMs: 2000,
  /** Longest attempt to connect to one address, in milliseconds: a lost packet or two, and no dead host. */
  connectMs: 4000,
  /**
   * How long a connection that is used is silent before the other side is asked for a sign of life, and how long that may
   * take, in milliseconds. A dead link is found well before the default deadline of a call (10 s), with time to repeat it.
   */
  keepaliveMs: 2000,
  keepaliveTimeoutMs: 4000,
  /** How long a client that finds no room for its pipeline is asked to wait, in milliseconds. */
  pipelineRetryMs: 2000,
  /** How long a client with too many calls in flight is asked to wait, in milliseconds. */
  callsRetryMs: 10,
  /** How long a seed may take to say which cluster it belongs to, in milliseconds; a slower one is not checked. */
  seedCheckMs: 1000,
  /** Longest wait before the next attempt that another server may ask for, in milliseconds. */
  retryAfterMsMax: 30_000,
  /** Requests that wait for a commit; more are refused. */
  masterRequestsWaitingMax: 10_000,
  /** Processes and threads of a store's container: node's, with much room. */
  containerPidsMax: 256,
  /** Folders that a store named by a pattern (`node-#`) goes through to find a free one. */
  folderClaimsMax: 1000,
  /** Room made for the values of an answer batch before they are known, in bytes. */
  answerBytesExpectedMax: 16_384,
  /** Keys that a MultiGet reads at a time; fewer when the values turn out to be long. */
  unaryReadsAtATimeMax: 16,
  /** Bytes and records of one batch of a takeover of a former version's data, unless one record is longer. */
  takeoverBatchBytes: 1_048_576,
  takeoverBatchRecords: 4096,
  /** Most bytes of data that are taken over: a log has at most 32 GiB, garbage included. */
  takeoverBytesMax: 16_106_127_360,
  /** Entries of the index of expiries that one look for expired keys may find not to have expired, or to be dropped: a millisecond. */
  expiryLooksMax: 4096,
  /** Bytes of the oldest segment that one step of cleaning goes through: some milliseconds. */
  cleaningStepBytesMax: 524_288,
  /** Keys of a leaf of the index; a fuller one is split. Bounds the time to grow, sort and copy one. */
  leafKeysMax: 2048,
  /** Leaves whose keys are kept in order for the next page of a range. */
  leafOrdersMax: 64,
  /** Longest key that a storage engine takes, in bytes. */
  engineKeyBytesMax: 1900,
  /** How often a unary call is tried: at the store that got it, and at the owner. */
  forwardAttemptsMax: 2,
  /**
   * The reads of a batch that has writes, and no more calls than these, are answered with the writes, if those are durable
   * when the turn ends: a message costs both sides as much as many calls. What is longer keeps the client busy meanwhile.
   */
  joinedAnswersMax: 128,
  /** Topology watchers that one store takes; clients spread over all of them when the master is down. */
  topologyWatchersMax: 1000,
  /** Frames beyond this do not leave their memory behind for others. */
  frameBufferKeptBytesMax: 1_048_576,
  /** Partitions that one store copies at a time: each keeps a frozen view of the store open while it is copied. */
  copiesUnderWayMax: 8,
  /** Batches of later writes sent and not acknowledged, for one move. */
  catchUpInFlightMax: 4,
  /** Chunks that wait for the entry that they belong to, of all transfers to one store. */
  chunksHeldMax: 64,
  /** Items of one piece of background work. */
  backgroundItemsMax: 1024,
  /** How often a transfer is taken up again after its stream broke. */
  reopenAttemptsMax: 3,
  /** A target this few bytes behind counts as caught up: READY makes acknowledgements wait for the rest. */
  readyLagBytesMax: 65_536,
  /**
   * Calls sent and not answered; beyond, calls wait here. Not a number of batches: a few calls that wait at the store, for
   * a hand-off or a full queue, would then hold up every other.
   */
  unansweredCallsMax: 16_384,
  /** How often an administration call is tried: a master that was restarted, or the next one, answers the second time. */
  adminAttemptsMax: 2,
} as const;

/**
 * Most bytes of a message, gRPC or framed, at every server and client. One number, whatever value a store is configured
 * to take: so a longer value is refused by itself, with the store's own limit, where a message that is too long would
 * break the connection under all other calls; and stores with different limits can forward and move to each other.
 */
export const messageBytesMax: number =
  limits.batchBytesMax + limits.valueBytesCeiling + limits.answerBytesTarget;

/** How long each retry loop waits: after the first failure, and at most. In milliseconds; see `retry/backoff.ts`. */
export const backoffs = {
  /** A gRPC channel that could not connect. */
  channel: { firstMs: 50, maxMs: 1000 },
  /** A client's calls that one store refused for the moment, which are repeated together. */
  refusedCalls: { firstMs: 2, maxMs: 500 },
  /** A client's connection to one store, which all of its calls share. */
  storeLink: { firstMs: 10, maxMs: 1000 },
  /** A scan that got no page. */
  scanPage: { firstMs: 20, maxMs: 1000 },
  /** A client's topology watch. */
  topologyWatch: { firstMs: 20, maxMs: 2000 },
  /** A store that looks for its master. */
  membership: { firstMs: 50, maxMs: 1000 },
  /** A store's deletion or flush that its disk refused. */
  storeDisk: { firstMs: 250, maxMs: 5000 },
  /** A master whose disk is full: is there room again? */
  fullMetadata: { firstMs: 250, maxMs: 1000 },
  /** A launched store that died. */
  storeRestart: { firstMs: 200, maxMs: 10_000 },
  /** A launch of a member that failed. */
  launch: { firstMs: 1000, maxMs: 30_000 },
  /** The master of `ekv up` that died. */
  masterRestart: { firstMs: 500, maxMs: 10_000 },
  /** A launcher that does not say what runs. */
  launcherQuery: { firstMs: 500, maxMs: 10_000 },
  /** A call that the Docker engine did not answer. */
  dockerEngine: { firstMs: 100, maxMs: 2000 },
  /** A call that the Kubernetes API refused for the moment. */
  kubernetesApi: { firstMs: 200, maxMs: 5000 },
  /** A store, about to stop, that asks whether it is wanted. */
  leaveQuery: { firstMs: 200, maxMs: 2000 },
  /** A move whose copy was refused. */
  move: { firstMs: 200, maxMs: 10_000 },
  /** `ekv` following an operation while no master answers. */
  operationWatch: { firstMs: 200, maxMs: 2000 },
  /** A line of `ekv import` whose store was away; the SDK has tried for a whole deadline before. */
  importWrite: { firstMs: 100, maxMs: 1000 },
} as const;
