import type { Plan } from "../services/gen/elastickv/v1/master.js";
import type { Palette } from "./output.js";
import { formatBytes, formatCount, formatNoun } from "./quantities.js";
import { formatTable } from "./table.js";

/** All planned moves from one store to one other. */
export interface PlanFlow {
  readonly source: string;
  readonly target: string;
  readonly partitions: number;
  readonly keys: number;
  readonly bytes: number;
}

/** A plan's moves added up by source and target, in the order of the names. */
export function planFlows(plan: Plan): PlanFlow[] {
  const flows = new Map<string, PlanFlow>();
  for (const move of plan.moves) {
    const name = `${move.sourceStoreId} ${move.targetStoreId}`;
    const flow = flows.get(name);
    flows.set(name, {
      source: move.sourceStoreId,
      target: move.targetStoreId,
      partitions: (flow?.partitions ?? 0) + 1,
      keys: (flow?.keys ?? 0) + move.keys,
      bytes: (flow?.bytes ?? 0) + move.bytes,
    });
  }
  return [...flows.values()].sort((a, b) => compare(a.source, b.source) || compare(a.target, b.target));
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** A plan as people read it: a row for each flow and the total. Ends with a newline. */
export function formatPlan(plan: Plan, palette: Palette): string {
  if (plan.moves.length === 0) return "Nothing has to move.\n";
  const rows = planFlows(plan).map((flow) => [
    flow.source === "" ? "(unassigned)" : flow.source,
    flow.target,
    formatCount(flow.partitions),
    formatCount(flow.keys),
    formatBytes(flow.bytes),
  ]);
  const total = [
    "total",
    "",
    formatCount(plan.moves.length),
    formatCount(plan.keys),
    formatBytes(plan.bytes),
  ];
  const columns = [
    { title: "FROM" },
    { title: "TO" },
    { title: "PARTITIONS", numeric: true },
    { title: "KEYS", numeric: true },
    { title: "BYTES", numeric: true },
  ] as const;
  const note = `The least that would do: ${formatNoun(plan.movesMinimum, "partition")}. Nothing was changed (--dry-run).\n`;
  return `${formatTable(columns, [...rows, total], palette)}\n${note}`;
}
