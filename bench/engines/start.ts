import { residentBytes } from "../processes/process-usage.js";
import { DataSet, getWritten, ingest } from "./data-set.js";
import type { EngineJob, EngineStart } from "./job.js";
import { loadEngine } from "./open-engine.js";

const keysLookedAt = 1000;

/** Fills an empty engine, says when everything is written, and stays. */
export async function fillAndStay(
  job: Extract<EngineJob, { readonly kind: "fill" }>,
  filled: () => void,
): Promise<never> {
  const open = await loadEngine(job.engine, job.dist);
  const engine = await open(job.folder);
  await ingest(engine, new DataSet(job), 0, job.partitions);
  filled();
  return await new Promise<never>(() => undefined);
}

/** Opens an engine, looks for some of its keys, and closes it. */
export async function openFilled(job: Extract<EngineJob, { readonly kind: "open" }>): Promise<EngineStart> {
  const data = new DataSet(job);
  const wanted = data.drawn(keysLookedAt);
  const open = await loadEngine(job.engine, job.dist);
  const emptyBytes = residentBytes(process.pid);
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  const engine = await open(job.folder);
  const wallMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  const residentBytesPerKey = (residentBytes(process.pid) - emptyBytes) / job.keys;
  for (const put of wanted) getWritten(engine, put);
  await engine.close();
  return { wallMs, cpuMs: (user + system) / 1000, residentBytesPerKey };
}
