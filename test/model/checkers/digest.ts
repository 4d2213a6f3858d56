import type { ReplicaState } from "../replica/replica-state.js";
import { versionText } from "../replica/version.js";
import type { ReplicaGroup } from "../store/replica-group.js";
import { Violation } from "../world/observations.js";

/** After a sync a replica holds, key by key, what the primary's writes in their order leave. */
export function checkDigest(group: ReplicaGroup, replica: ReplicaState, lineage: readonly string[]): void {
  const expected = new Map<string, string>();
  for (const name of lineage) {
    const [version = "", assignment = ""] = name.split(" ");
    const [key = "", value = ""] = assignment.split("=");
    expected.set(key, `${value} ${version}`);
  }
  const held = [...replica.cells].map(
    ([key, { value, version }]) => [key, `${value} ${versionText(version)}`] as const,
  );
  if (held.length === expected.size && held.every(([key, text]) => expected.get(key) === text)) return;
  throw new Violation(`${group.name} has a digest other than its primary's after a sync`);
}
