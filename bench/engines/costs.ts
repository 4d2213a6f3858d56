import { memoryBytes } from "../processes/process-usage.js";
import { DataSet, getWritten, ingest, partitionsOf } from "./data-set.js";
import type { EngineCosts, EngineJob } from "./job.js";
import type { MeasuredEngine, Put } from "./measured-engine.js";
import { loadEngine } from "./open-engine.js";

/** Share of the operations that come before the measured ones, so that compiled code is measured. */
const warmUpShare = 0.2;

/** Microseconds of CPU time for each of the items that `work` resolves with the number of. */
async function cpuUsOf(work: () => Promise<number>): Promise<number> {
  const before = process.cpuUsage();
  const items = await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / Math.max(1, items);
}

/** Resident memory of this process, in bytes. */
export function residentBytes(): number {
  return memoryBytes(process.pid).resident;
}

/** What each operation of an engine costs; it is empty before and after. */
export async function costs(job: Extract<EngineJob, { readonly kind: "costs" }>): Promise<EngineCosts> {
  const { keys, partitions, operations } = job;
  const open = await loadEngine(job.engine, job.dist);
  const engine = await open(job.folder);
  const data = new DataSet(job);
  const emptyBytes = residentBytes();
  const half = partitions >> 1;
  await ingest(engine, data, 0, half);
  const ingestUs = await cpuUsOf(() => ingest(engine, data, half, partitions));
  const residentBytesPerKey = (residentBytes() - emptyBytes) / keys;
  const getUs = await getsUs(engine, data, operations);
  const commit1Us = await commitsUs(engine, data, operations, 1);
  const commit5Us = await commitsUs(engine, data, operations, 5);
  const commit50Us = await commitsUs(engine, data, operations, 50);
  const getAfterWritesUs = await getsUs(engine, data, operations);
  const scanUs = await cpuUsOf(async () => {
    let entries = 0;
    for (let partition = 0; partition < partitions; partition += 1) entries += engine.scan(partition);
    if (entries !== keys) throw new Error(`a scan found ${entries} of ${keys} keys`);
    return entries;
  });
  const dropUs = await cpuUsOf(async () => {
    for (let partition = 0; partition < partitions; partition += 1) await engine.drop(partition);
    await engine.flush();
    return keys;
  });
  await engine.close();
  const commits = { commit1Us, commit5Us, commit50Us };
  return { ...commits, getUs, getAfterWritesUs, ingestUs, scanUs, dropUs, residentBytesPerKey };
}

async function getsUs(engine: MeasuredEngine, data: DataSet, operations: number): Promise<number> {
  const wanted = data.drawn(operations);
  const getAll = async (puts: readonly Put[]): Promise<number> => {
    for (const put of puts) getWritten(engine, put);
    return puts.length;
  };
  await getAll(wanted.slice(0, operations * warmUpShare));
  return await cpuUsOf(() => getAll(wanted));
}

/** One commit after the other, each of `puts` records of random keys with the counters of their partitions. */
async function commitsUs(
  engine: MeasuredEngine,
  data: DataSet,
  operations: number,
  puts: number,
): Promise<number> {
  const batches = Array.from({ length: Math.ceil(operations / puts) }, () => {
    const batch = data.drawn(puts);
    return { batch, counted: partitionsOf(batch) };
  });
  const commitAll = async (some: typeof batches): Promise<number> => {
    for (const { batch, counted } of some) await engine.commit(batch, counted);
    await engine.flush();
    return some.length * puts;
  };
  await commitAll(batches.slice(0, batches.length * warmUpShare));
  return await cpuUsOf(() => commitAll(batches));
}
