import type { Workload } from "../../workload/workload.js";

/** Create, read, update, delete, a quarter each, of uniformly drawn keys. */
export function crudMix(keys: number, valueBytes: number): Workload {
  return {
    name: "create, read, update, delete",
    mix: { insert: 0.25, read: 0.25, update: 0.25, delete: 0.25 },
    ...{ distribution: "uniform", keys, valueBytes, scanLengthMax: 1 },
  };
}
