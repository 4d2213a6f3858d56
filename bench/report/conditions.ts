import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { installedVersion } from "../processes/installed.js";
import { program } from "../processes/child.js";

const gibibyte = 2 ** 30;

/** Under which conditions figures were measured. */
export interface Conditions {
  readonly startedAt: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGiB: number;
    readonly kernel: string;
  };
  readonly versions: Readonly<Record<string, string>>;
  /** Of one minute: processes that run or want to. */
  readonly loadAverageBefore: number;
}

const libraries = ["@grpc/grpc-js", "lmdb", "ioredis", "@redis/client", "etcd3"];

/** The conditions of a run that begins now. */
export async function currentConditions(): Promise<Conditions> {
  const versions: Record<string, string> = { node: process.version };
  for (const name of libraries) versions[name] = libraryVersion(name);
  for (const name of ["redis-server", "valkey-server", "etcd"])
    versions[name] = (await installedVersion(name)) ?? "not installed";
  return {
    startedAt: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / gibibyte),
      kernel: `${process.platform} ${release()}`,
    },
    versions,
    loadAverageBefore: loadAverage(),
  };
}

/** Processes that ran or wanted to in the last minute, on average. */
export function loadAverage(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}

function libraryVersion(name: string): string {
  const text = readFileSync(program(`../node_modules/${name}/package.json`), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
