import { type EkvError, invalidArgument } from "../core/errors.js";
import type { Condition } from "../core/store/kv-map.js";
import { Consistency, type Condition as WireCondition } from "../gen/elastickv/v1/store.js";
import { versionFromWire } from "../wire/topology.js";

/** A write's condition as the KVMap takes it; `if_absent: false` is no condition. */
export function conditionFromWire(condition: WireCondition | undefined): Condition | undefined {
  switch (condition?.kind?.$case) {
    case "ifAbsent":
      return condition.kind.value ? { kind: "if-absent" } : undefined;
    case "ifVersion":
      return { kind: "if-version", version: versionFromWire(condition.kind.value) };
    case undefined:
      return undefined;
  }
}

/** What is wrong with a condition, if anything: one of a kind that is not known here must not count as none. */
export function conditionViolation(
  condition: WireCondition | undefined,
  field = "condition",
): EkvError | undefined {
  if (condition === undefined || condition.kind !== undefined) return undefined;
  return invalidArgument(
    field,
    "has no kind that this store knows; give if_absent or if_version, or leave it out",
  );
}

/** What is wrong with a consistency, if anything. */
export function consistencyViolation(consistency: Consistency, field = "consistency"): EkvError | undefined {
  if (consistency >= Consistency.UNSPECIFIED && consistency <= Consistency.EVENTUAL) return undefined;
  return invalidArgument(field, `is ${consistency}; give CONSISTENCY_LINEARIZABLE or CONSISTENCY_EVENTUAL`);
}
