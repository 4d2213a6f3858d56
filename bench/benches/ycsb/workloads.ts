import type { Workload } from "../../workload/workload.js";

/** YCSB's core workloads, by the letters that it gives them. */
export const ycsbLetters = ["A", "B", "C", "D", "E", "F"] as const;

/** One of {@link ycsbLetters}. */
export type YcsbLetter = (typeof ycsbLetters)[number];

const scanLengthMax = 100;

/** Mixes and distributions as in YCSB's `workloads/workloada` to `workloadf`. */
const core: Readonly<Record<YcsbLetter, Pick<Workload, "mix" | "distribution">>> = {
  A: { mix: { read: 0.5, update: 0.5 }, distribution: "zipfian" },
  B: { mix: { read: 0.95, update: 0.05 }, distribution: "zipfian" },
  C: { mix: { read: 1 }, distribution: "zipfian" },
  D: { mix: { read: 0.95, insert: 0.05 }, distribution: "latest" },
  E: { mix: { scan: 0.95, insert: 0.05 }, distribution: "zipfian" },
  F: { mix: { read: 0.5, readModifyWrite: 0.5 }, distribution: "zipfian" },
};

/** What each is about, for tables. */
export const ycsbSummaries: Readonly<Record<YcsbLetter, string>> = {
  A: "A, 50 % updates",
  B: "B, 5 % updates",
  C: "C, reads only",
  D: "D, newest read, 5 % inserts",
  E: "E, short scans, 5 % inserts",
  F: "F, 50 % read-modify-writes",
};

/** One of YCSB's core workloads; `uniform` instead of its own distribution if asked. */
export function ycsbWorkload(
  letter: YcsbLetter,
  keys: number,
  valueBytes: number,
  uniform: boolean,
): Workload {
  const { mix, distribution } = core[letter];
  return {
    name: ycsbSummaries[letter],
    mix,
    distribution: uniform ? "uniform" : distribution,
    ...{ keys, valueBytes, scanLengthMax },
  };
}
