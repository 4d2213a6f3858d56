import { setImmediate as endOfTurn } from "node:timers/promises";
import { residentBytes } from "../processes/process-usage.js";
import { commitCounted, DataSet, getWritten, ingest } from "./data-set.js";
import type { EngineCosts, EngineJob } from "./job.js";
import { idleEngine, type MeasuredEngine } from "./measured-engine.js";
import { loadEngine } from "./open-engine.js";

/**
 * Commits and deletions between two turns of the event loop. Without turns no flush ends, and what an engine keeps until then
 * would pile up.
 */
const turnCommits = 8;

/** Microseconds of CPU time for each of the items that `work` resolves with the number of. */
async function cpuUsOf(work: () => Promise<number>): Promise<number> {
  const before = process.cpuUsage();
  const items = await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / Math.max(1, items);
}

/** What each operation of an engine costs; it is empty before and after. */
export async function costs(job: Extract<EngineJob, { readonly kind: "costs" }>): Promise<EngineCosts> {
  const { keys, partitions, operations } = job;
  const open = await loadEngine(job.engine, job.dist);
  const engine = await open(job.folder);
  const data = new DataSet(job);
  const emptyBytes = residentBytes(process.pid);
  const half = partitions >> 1;
  await ingest(engine, data, 0, half);
  const ingestUs = await cpuUsOf(() => ingest(engine, data, half, partitions));
  const residentBytesPerKey = (residentBytes(process.pid) - emptyBytes) / keys;
  data.keepKeys();
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
    for (let partition = 0; partition < partitions; partition += 1) {
      await engine.drop(partition);
      if (partition % turnCommits === 0) await endOfTurn();
    }
    await engine.flush();
    return keys;
  });
  await engine.close();
  const commits = { commit1Us, commit5Us, commit50Us };
  return { ...commits, getUs, getAfterWritesUs, ingestUs, scanUs, dropUs, residentBytesPerKey };
}

async function getsUs(engine: MeasuredEngine, data: DataSet, operations: number): Promise<number> {
  const wanted = data.drawn(1);
  const getSome = async (count: number): Promise<number> => {
    for (let i = 0; i < count; i += 1) for (const put of data.redraw(wanted)) getWritten(engine, put);
    return count;
  };
  // As many before, so that compiled code is measured.
  await getSome(operations);
  return await cpuUsOf(() => getSome(operations));
}

/**
 * One commit after the other, each of `size` records of random keys with the counters of their partitions. What the loop
 * itself costs, measured with an engine that does nothing, is taken off: a microsecond a commit.
 */
async function commitsUs(
  engine: MeasuredEngine,
  data: DataSet,
  operations: number,
  size: number,
): Promise<number> {
  const loopUs = await commitLoopUs(idleEngine, data, operations, size);
  return (await commitLoopUs(engine, data, operations, size)) - loopUs;
}

async function commitLoopUs(
  engine: Pick<MeasuredEngine, "commit" | "flush">,
  data: DataSet,
  operations: number,
  size: number,
): Promise<number> {
  const puts = data.drawn(size);
  const commitSome = async (count: number): Promise<number> => {
    for (let commit = 0; commit * size < count; commit += 1) {
      await commitCounted(engine, data.redraw(puts));
      if (commit % turnCommits === 0) await endOfTurn();
    }
    await engine.flush();
    return count;
  };
  await commitSome(operations);
  return await cpuUsOf(() => commitSome(operations));
}
