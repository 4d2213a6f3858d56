import type { DemoOptions } from "./options.js";
import type { SeededRandom } from "./random.js";

/** One change of the cluster. */
export type ResizeStep = "add" | "remove";

/**
 * The changes of a run that begins with `stores` stores: up to `storesMax`, then down to `storesEnd`; or, with
 * `addsAndRemoves`, a random walk of that many steps between 1 and `storesMax`.
 */
export function planSteps(
  stores: number,
  options: Pick<DemoOptions, "storesMax" | "storesEnd" | "addsAndRemoves">,
  random: SeededRandom,
): ResizeStep[] {
  const { storesMax, storesEnd, addsAndRemoves } = options;
  if (addsAndRemoves === undefined) {
    const peak = Math.max(stores, storesMax);
    return [
      ...Array.from({ length: peak - stores }, () => "add" as const),
      ...Array.from({ length: peak - storesEnd }, () => "remove" as const),
    ];
  }
  let present = stores;
  return Array.from({ length: addsAndRemoves }, () => {
    const step = present <= 1 || (present < storesMax && random.chance(0.5)) ? "add" : "remove";
    present += step === "add" ? 1 : -1;
    return step;
  });
}
