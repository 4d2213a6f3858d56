import type { OperationKind } from "../workload/workload.js";

/** Where the driver reports how calls ended. */
export interface CallRecorder {
  succeeded(kind: OperationKind, latencyMs: number): void;
  failed(error: unknown): void;
}
