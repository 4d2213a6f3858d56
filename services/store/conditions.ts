import type { Condition } from "../core/store/kv-map.js";
import type { Condition as WireCondition } from "../gen/elastickv/v1/store.js";
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
