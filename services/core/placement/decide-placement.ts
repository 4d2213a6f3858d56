import { planBalanced } from "./balanced.js";
import { planContiguous } from "./contiguous.js";
import type { PlacementInput, PlacementName, PlacementPlan } from "./policy.js";

/** What a policy would change. Pure: the same input gives the same plan. */
export function decidePlacement(name: PlacementName, input: PlacementInput): PlacementPlan {
  return name === "balanced" ? planBalanced(input) : planContiguous(input);
}
