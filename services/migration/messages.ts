/** Core's move types to and from the messages of migration.proto. */
import { PartitionDigest } from "../core/digest.js";
import type { NackReason } from "../core/store/move-source.js";
import type { PartitionDigest as WireDigest } from "../gen/elastickv/v1/common.js";
import { NackReason as WireNackReason } from "../gen/elastickv/v1/migration.js";

export function digestToWire(digest: PartitionDigest): WireDigest {
  return { sum: digest.toBytes(), keys: digest.keys, bytes: digest.bytes };
}

export function digestFromWire(digest: WireDigest): PartitionDigest {
  return PartitionDigest.from(digest);
}

const reasons: readonly NackReason[] = [
  "CHECKSUM",
  "DIGEST_MISMATCH",
  "STORAGE_FULL",
  "PEER_UNREACHABLE",
  "UNKNOWN_MOVE",
  "CLUSTER_MISMATCH",
  "STALE_EPOCH",
  "OUT_OF_ORDER",
  "CANCELLED",
  "INTERNAL",
];

/** A reason this version does not know is read as INTERNAL. */
export function nackReasonFromWire(reason: WireNackReason): NackReason {
  return reasons.find((name) => WireNackReason[name] === reason) ?? "INTERNAL";
}

export function nackReasonToWire(reason: NackReason): WireNackReason {
  return WireNackReason[reason];
}
