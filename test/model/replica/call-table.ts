import type { CallMark } from "./write.js";
import { type Version, compareVersions } from "./version.js";

/** What a partition remembers of one client's calls, to execute each once. */
export interface ClientCalls {
  /** The client repeats nothing below it. */
  readonly floor: number;
  /** Calls from the floor on that were executed, with the version that each wrote. */
  readonly executed: ReadonlyMap<number, Version>;
}

/** By client. */
export type CallTable = ReadonlyMap<number, ClientCalls>;

/** The client's calls once it has executed one more: outcomes below its floor go, the floor stays. */
export function withExecuted(
  calls: ClientCalls | undefined,
  { call, floor }: CallMark,
  version: Version,
  keepsFloor: boolean,
): ClientCalls {
  const executed = new Map(calls?.executed).set(call, version);
  for (const old of executed.keys()) if (old < floor) executed.delete(old);
  return { floor: keepsFloor ? Math.max(calls?.floor ?? 0, floor) : 0, executed };
}

/** Whether two replicas remember the same of a client. */
export function sameCalls(a: ClientCalls | undefined, b: ClientCalls | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.floor !== b.floor || a.executed.size !== b.executed.size) return false;
  return [...a.executed].every(([call, version]) => {
    const other = b.executed.get(call);
    return other !== undefined && compareVersions(version, other) === 0;
  });
}
