import { checkDigest } from "../checkers/digest.js";
import { type Entry, isSame } from "../replica/entry.js";
import { applyWrite, tailOf } from "../replica/replica-state.js";
import { applySync } from "../replica/sync.js";
import type { Version } from "../replica/version.js";
import type { PeerMessage } from "../world/message.js";
import type { ReplicaGroup, Session } from "./replica-group.js";

type FromPrimary<Kind> = Extract<PeerMessage, { readonly kind: Kind }>;

/** A primary begins a session. Its entry is taken up, and with it lower epochs are refused from then on. */
export function handleHello(
  group: ReplicaGroup,
  { epoch, entry, primary, learner }: FromPrimary<"hello">,
): void {
  if (epoch < group.entry.epoch) {
    if (group.world.rules.keep("a hello of a lower epoch is refused") || group.primary) return;
    group.write({ entry });
  }
  group.learn(entry);
  if (!isSame(group.entry.primary, primary)) return;
  if (learner !== undefined && learner !== group.store.incarnation) return;
  group.session = { epoch, primary, isLive: false };
  const { replica } = group;
  const report = replica && {
    version: replica.version,
    committed: replica.committed,
    tail: tailOf(replica),
  };
  group.send(primary.store, {
    ...answerHead(group, group.session),
    kind: "state",
    report: report ?? undefined,
  });
}

/** The primary's state as far as this replica lacks it: one transaction, whose digest must be the primary's. */
export function handleSync(group: ReplicaGroup, message: FromPrimary<"sync">): void {
  const session = sessionOf(group, message);
  if (!session) return;
  const { sync } = message;
  const replica = applySync(group.replica, sync, group.world.rules);
  group.write({ replica });
  session.isLive = true;
  const sent = sync.kind === "full" ? sync.state : sync;
  checkDigest(group, replica, sent.lineage);
  acknowledge(group, session, sent.version, true);
}

/** The next write. One that does not follow on what is here is refused. */
export function handleReplicate(group: ReplicaGroup, message: FromPrimary<"replicate">): void {
  const { write, committed } = message;
  const { rules, logMax } = group.world;
  const session = sessionOf(group, message);
  const isNext = group.replica !== null && write.version.seq === group.replica.version.seq + 1;
  if (!session?.isLive || !group.replica || !isNext) {
    if (rules.keep("a refused write is not acknowledged")) return;
    const { epoch, primary } = message;
    return acknowledge(group, { epoch, primary, isLive: true }, write.version, false);
  }
  group.write({ replica: applyWrite(group.replica, write, { committed, logMax, rules }) });
  acknowledge(group, session, write.version, false);
}

function sessionOf(
  { session, entry, store }: ReplicaGroup,
  message: FromPrimary<"sync"> | FromPrimary<"replicate">,
): Session | undefined {
  const isOurs = message.toIncarnation === store.incarnation && message.epoch === entry.epoch;
  if (!isOurs || !session || session.epoch !== message.epoch) return undefined;
  return isSame(session.primary, message.primary) ? session : undefined;
}

function acknowledge(group: ReplicaGroup, session: Session, version: Version, isSync: boolean): void {
  group.send(session.primary.store, { ...answerHead(group, session), kind: "ack", version, isSync });
}

function answerHead({ partition, store }: ReplicaGroup, { epoch, primary }: Session) {
  return { partition, epoch, replica: store.self, primaryIncarnation: primary.incarnation } as const;
}

/** Whether a backup has a live session with the primary of an entry. */
export function isFollowing({ session }: ReplicaGroup, entry: Entry): boolean {
  return session?.isLive === true && session.epoch === entry.epoch;
}
