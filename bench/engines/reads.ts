import type { RecordableHistogram } from "node:perf_hooks";
import { setImmediate as endOfTurn } from "node:timers/promises";
import { highestNs, latencyHistogram, nsPerMs, summaryOf } from "../load/latency.js";
import { commitCounted, DataSet, getWritten, ingest } from "./data-set.js";
import type { EngineJob, EngineReads } from "./job.js";
import type { MeasuredEngine } from "./measured-engine.js";
import { loadEngine } from "./open-engine.js";

/** The calls of a turn of the event loop, 95 % of them reads. */
const turnReads = 19;
const turnWrites = 1;
const warmUpTurns = 2000;
/** How much more garbage than an engine may keep is written before cleaning is taken to go on all the time. */
const garbageMargin = 1.5;
const garbageWrites = 50;

/**
 * How long reads wait, in an engine just filled and in one that has to clean as much as is written. A read waits from when
 * the write of the turn before began: whatever that does, and what runs between the two turns, holds the read up.
 */
export async function reads(job: Extract<EngineJob, { readonly kind: "reads" }>): Promise<EngineReads> {
  const open = await loadEngine(job.engine, job.dist);
  const engine = await open(job.folder);
  const data = new DataSet(job);
  await ingest(engine, data, 0, job.partitions);
  data.keepKeys();
  const measure = async (): Promise<RecordableHistogram> => {
    await runTurns(engine, data, warmUpTurns, latencyHistogram());
    const latencies = latencyHistogram();
    await runTurns(engine, data, job.turns, latencies);
    return latencies;
  };
  const calm = await measure();
  await overwrite(engine, data, job.slackBytes);
  const cleaning = await measure();
  await engine.close();
  return { calm: summaryOf(calm), cleaning: summaryOf(cleaning) };
}

async function runTurns(
  engine: MeasuredEngine,
  data: DataSet,
  count: number,
  latencies: RecordableHistogram,
): Promise<void> {
  const wanted = data.drawn(turnReads);
  const puts = data.drawn(turnWrites);
  for (let turn = 0; turn < count; turn += 1) {
    data.redraw(wanted);
    data.redraw(puts);
    const dueMs = performance.now();
    await commitCounted(engine, puts);
    await endOfTurn();
    for (const put of wanted) {
      getWritten(engine, put);
      latencies.record(Math.min(highestNs, Math.max(1, Math.round((performance.now() - dueMs) * nsPerMs))));
    }
  }
}

/** Makes more garbage than an engine may keep: as much as it has data, and `slackBytes`. */
async function overwrite(engine: MeasuredEngine, data: DataSet, slackBytes: number): Promise<void> {
  const { key, record } = data.put(0);
  const putBytes = key.length + record.length;
  const bytes = (data.keys * putBytes + slackBytes) * garbageMargin;
  const puts = data.drawn(garbageWrites);
  for (let written = 0; written < bytes; written += garbageWrites * putBytes) {
    await commitCounted(engine, data.redraw(puts));
    await endOfTurn();
  }
  await engine.flush();
}
