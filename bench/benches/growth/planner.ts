import { decidePlacement } from "../../../services/core/placement/decide-placement.js";
import type { PlacementInput } from "../../../services/core/placement/policy.js";
import { brandAs, type StoreId } from "../../../services/core/ids.js";
import { median } from "../../report/median.js";
import { formatCount, formatFigure } from "../../report/quantities.js";
import type { GrowthPart } from "./growth-part.js";

const sizes = [
  { stores: 10, partitions: 1024 },
  { stores: 100, partitions: 16_384 },
  { stores: 1000, partitions: 65_536 },
];
const repetitions = 9;

/** A ring shared out evenly over all stores but the last, which has just joined. */
function afterOneJoined(stores: number, partitions: number): PlacementInput {
  const names = Array.from({ length: stores }, (_, index) => brandAs<StoreId>(`store-${index + 1}`));
  return {
    owners: Array.from({ length: partitions }, (_, partition) => names[partition % (stores - 1)]),
    stores: names.map((storeId) => ({ storeId, weight: 1, state: "active", keys: 0 })),
  };
}

/** How long the placement policy takes to plan for one more store; no process, no network. */
export const plannerPart: GrowthPart = {
  name: "planner",
  run: () => {
    const rows = sizes.map(({ stores, partitions }) => {
      const input = afterOneJoined(stores, partitions);
      let moves = 0;
      const timesMs = Array.from({ length: repetitions }, () => {
        const startedMs = performance.now();
        ({ moves } = { moves: decidePlacement("balanced", input, "membership").moves.length });
        return performance.now() - startedMs;
      });
      return [
        `${formatCount(stores)} × ${formatCount(partitions)}`,
        formatCount(moves),
        formatFigure(median(timesMs)),
        formatFigure(Math.max(...timesMs)),
      ];
    });
    return Promise.resolve({
      table: {
        title: "planner: one more store, policy balanced",
        head: ["stores × partitions", "moves", "median ms", "longest ms"],
        rows,
      },
      plots: [],
    });
  },
};
