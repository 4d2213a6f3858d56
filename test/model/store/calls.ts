import { compareVersions, zeroVersion } from "../replica/version.js";
import type { CallMessage } from "../world/message.js";
import type { Primary } from "./primary.js";
import type { ReplicaGroup } from "./replica-group.js";

type Call<Kind> = Extract<CallMessage, { readonly kind: Kind }>;

/** Executes a write once, however often its client repeats it. */
export function handleWrite(group: ReplicaGroup, call: Call<"write">): void {
  const { primary, replica, world } = group;
  if (!primary?.isServing || !replica) return;
  const { id, key, value, mark } = call;
  const { rules } = world;
  const calls = replica.calls.get(mark.client);
  if (calls && rules.keep("a repeated call is not executed again")) {
    if (mark.call < calls.floor) return;
    const version = calls.executed.get(mark.call);
    if (version) {
      world.observations.count("repeats");
      const known = rules.keep("a repeated call is answered once committed") ? version : zeroVersion;
      primary.answer(mark.client, known, { kind: "written", id, version });
      primary.settle();
      return;
    }
  }
  const version = { epoch: group.entry.epoch, seq: replica.version.seq + 1 };
  primary.append({ version, key, value, mark });
  primary.answer(mark.client, version, { kind: "written", id, version });
  primary.settle();
}

/** Reads from what is committed, under a lease of everybody required. */
export function handleRead(group: ReplicaGroup, call: Call<"read">, client: number): void {
  const { primary, replica, world } = group;
  const { rules } = world;
  if (!primary || !replica) return;
  const servesReleased = primary.isReleased && !rules.keep("no reads after RELEASE");
  if (!primary.isServing && !servesReleased) return;
  if (rules.keep("reads need a lease of every backup") && !hasLeases(group, primary)) return;
  const cell = replica.cells.get(call.key);
  primary.advance();
  const answer = { kind: "value", id: call.id, value: cell?.value } as const;
  const isCommitted = !cell || compareVersions(cell.version, primary.committed) <= 0;
  const mayAnswer = isCommitted || !rules.keep("reads wait for the commit");
  primary.answer(client, mayAnswer ? zeroVersion : cell.version, answer);
  primary.settle();
}

function hasLeases({ store, world }: ReplicaGroup, primary: Primary): boolean {
  const countsAll = !world.rules.keep("only matched backups' leases count");
  return primary
    .required()
    .every((id) => store.leases.holds(id) && (countsAll || primary.followers.get(id)?.isMatched === true));
}
