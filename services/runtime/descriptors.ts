import { readFileSync } from "node:fs";
import { EkvError } from "../core/errors.js";
import { limits } from "../core/limits.js";

/**
 * How many files and connections this process may have open (`ulimit -n`; Node raises the soft limit to the hard one).
 * Infinity where the system does not say.
 */
export function descriptorLimit(): number {
  let text: string;
  try {
    text = readFileSync("/proc/self/limits", "utf8");
  } catch {
    return Infinity;
  }
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(text)?.[1];
  return soft === undefined || soft === "unlimited" ? Infinity : Number(soft);
}

/**
 * How many connections a server accepts. Of the process's descriptors a part is kept for what the server itself opens: its
 * files, and connections to the master and to other stores.
 *
 * @param wanted what the operator set; 0: as many as are left
 * @param descriptors see {@link descriptorLimit}
 * @returns FAILED_PRECONDITION thrown when there are too few descriptors
 */
export function decideConnectionsMax(wanted: number, descriptors: number): number {
  const most = descriptors - limits.descriptorsReservedMin;
  if (most < Math.max(wanted, 1)) {
    const needed = Math.max(wanted, 1) + limits.descriptorsReservedMin;
    const fix = `raise it to ${needed} or more (ulimit -n)${wanted > 0 ? ", or lower --connections-max" : ""}`;
    throw new EkvError("FAILED_PRECONDITION", `this process may open ${descriptors} files; ${fix}`);
  }
  if (wanted > 0) return wanted;
  const share = Math.ceil(descriptors * limits.descriptorsReservedShare);
  const reserved = Math.min(limits.descriptorsReservedMax, Math.max(limits.descriptorsReservedMin, share));
  return descriptors === Infinity ? Infinity : descriptors - reserved;
}
