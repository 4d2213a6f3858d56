import { planBalanced } from "./balanced.js";
import { planContiguous } from "./contiguous.js";
import { planEvenRanges } from "./even-ranges.js";
import type { PlacementGoal, PlacementInput, PlacementName, PlacementPlan } from "./policy.js";

/** What a policy would change. Pure: the same input gives the same plan. */
export function decidePlacement(
  name: PlacementName,
  input: PlacementInput,
  goal: PlacementGoal,
): PlacementPlan {
  if (name === "balanced") return planBalanced(input);
  return goal === "even-out" ? planEvenRanges(input) : planContiguous(input);
}
