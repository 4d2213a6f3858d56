import type { Entry, Member } from "../replica/entry.js";
import type { ReplicaReport, Sync } from "../replica/sync.js";
import type { Version } from "../replica/version.js";
import type { CallMark, Write } from "../replica/write.js";

/** Of one partition at one epoch. */
interface OfPartition {
  readonly partition: number;
  readonly epoch: number;
}

/** From a primary to a replica, within one session between two processes. */
interface ToReplica extends OfPartition {
  readonly primary: Member;
}

/** From a replica to its primary. */
interface ToPrimary extends OfPartition {
  readonly replica: Member;
  /** The incarnation of the primary that is answered. */
  readonly primaryIncarnation: number;
}

/** What stores say to each other: the Replicate stream. */
export type PeerMessage =
  | (ToReplica & {
      readonly kind: "hello";
      readonly entry: Entry;
      /** To a learner: the incarnation that the master named. */
      readonly learner: number | undefined;
    })
  | (ToPrimary & { readonly kind: "state"; readonly report: ReplicaReport | undefined })
  | (ToReplica & { readonly kind: "sync"; readonly toIncarnation: number; readonly sync: Sync })
  | (ToReplica & {
      readonly kind: "replicate";
      readonly toIncarnation: number;
      readonly write: Write;
      readonly committed: Version;
    })
  | (ToPrimary & { readonly kind: "ack"; readonly version: Version; readonly isSync: boolean })
  | (ToReplica & {
      /** RELEASE, from the primary of an armed entry to the successor. */
      readonly kind: "hand-over";
      /** The last version that the primary wrote. */
      readonly final: Version;
    })
  | (OfPartition & { readonly kind: "nack"; readonly successor: Member })
  | {
      readonly kind: "lease-request";
      readonly primary: Member;
      /** By the primary's clock. */
      readonly sentAt: number;
      readonly topologyVersion: number;
    }
  | {
      readonly kind: "lease-grant";
      readonly grantor: number;
      readonly primaryIncarnation: number;
      readonly sentAt: number;
    };

/** What a master says to a store: of a lower term than the store knows, it is refused. */
export type Directive = { readonly term: number } & (
  | { readonly kind: "registered"; readonly process: number; readonly incarnation: number }
  | { readonly kind: "topology"; readonly topologyVersion: number; readonly entries: readonly Entry[] }
  | (OfPartition & { readonly kind: "add-learner"; readonly target: Member })
  | (OfPartition & { readonly kind: "transfer-primary"; readonly target: number })
  | (OfPartition & {
      readonly kind: "report-replica";
      readonly round: number;
      /** A store may be one epoch further by itself. */
      readonly isArmed: boolean;
    })
  | (OfPartition & { readonly kind: "delete-replica" })
);

/** What a primary asks of the master, for one entry of its own. */
export type PrimaryReport = OfPartition & {
  readonly kind: "ready" | "valid" | "release" | "drop" | "voided";
  readonly primary: Member;
  /** The replica that it is about. */
  readonly subject: Member;
};

/** What a store says to its master. */
export type StoreReport =
  | {
      readonly kind: "register";
      readonly store: number;
      readonly process: number;
      readonly versions: readonly (Version | undefined)[];
      readonly epochs: readonly number[];
      /** A kill alone ended the former process: the disk lost nothing. */
      readonly isIntact: boolean;
    }
  | (OfPartition & {
      readonly kind: "replica-report";
      readonly replica: Member;
      readonly round: number;
      readonly version: Version | undefined;
    })
  | (OfPartition & { readonly kind: "accepted" })
  | PrimaryReport;

/** A call of a client to a store, and its answer. */
export type CallMessage =
  | {
      readonly kind: "write";
      readonly partition: number;
      readonly id: number;
      readonly key: string;
      readonly value: string;
      readonly mark: CallMark;
    }
  | { readonly kind: "read"; readonly partition: number; readonly id: number; readonly key: string };

/** The answer to a call. */
export type Answer =
  | { readonly kind: "written"; readonly id: number; readonly version: Version }
  | { readonly kind: "value"; readonly id: number; readonly value: string | undefined };

/** Anything that travels. */
export type Message = PeerMessage | Directive | StoreReport | CallMessage | Answer;
