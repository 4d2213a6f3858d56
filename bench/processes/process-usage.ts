import { readFileSync } from "node:fs";

/** Linux's unit of CPU time in /proc, which is the same on every platform that Node runs on. */
const ticksPerSecond = 100;
const userTicksField = 11;
const kernelTicksField = 12;

/** CPU time that a process has used so far, all threads together, in milliseconds; to 10 ms. 0 when it is gone. */
export function cpuMs(pid: number): number {
  const stat = readProc(pid, "stat");
  // Behind the name, which may hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[userTicksField]) + Number(fields[kernelTicksField]);
  return Number.isNaN(ticks) ? 0 : (ticks * 1000) / ticksPerSecond;
}

/** Resident memory of a process, in bytes. 0 when it is gone. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readProc(pid, "status"))?.[1] ?? 0) * 1024;
}

function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    // The process has ended, or this is no Linux.
    return "";
  }
}
