import { setTimeout as delay } from "node:timers/promises";
import type { AdminClient } from "../../client/admin.js";
import { formatOf } from "../../cli/progress.js";
import { operationTitle } from "../../cli/operation-view.js";
import { StoreState } from "../../services/gen/elastickv/v1/common.js";
import type { DataSet } from "./data-set.js";
import type { DemoClient } from "./demo-client.js";
import { Findings } from "./findings.js";
import { importDataSet } from "./bulk.js";
import { LatencyRecorder } from "./latency.js";
import { KeyModel } from "./model.js";
import type { DemoOptions } from "./options.js";
import { SeededRandom } from "./random.js";
import { reportOf, type Report, type RunResults, type StepSummary } from "./report.js";
import { planSteps } from "./resize-plan.js";
import { resize } from "./resize.js";
import { verify } from "./verification.js";
import { startWorkload } from "./workload.js";

/** What a run works with. */
export interface RunContext {
  readonly options: DemoOptions;
  readonly client: DemoClient;
  /** Counters of the SDK. */
  readonly clientStats: () => { readonly retries: number; readonly redirects: number };
  readonly admin: AdminClient;
  readonly dataSet: DataSet;
  /** See VerificationContext. */
  readonly prefixes: readonly string[];
  /** Tells people what goes on. */
  readonly narrate: (text: string) => void;
  readonly signal: AbortSignal;
}

/** How long the workload runs before the first change and after the last. */
const calmMs = 4000;
const importNoteKeys = 100_000;

/** A run in its course. */
interface RunState {
  imported: RunResults["imported"];
  readonly steps: StepSummary[];
  verification: RunResults["verification"];
  readonly problems: string[];
}

/** Does a whole run. Whatever goes wrong is in the report. */
export async function runDemo(context: RunContext): Promise<Report> {
  const { options, dataSet } = context;
  const startMs = performance.now();
  const findings = new Findings();
  const latency = new LatencyRecorder(performance);
  const model = new KeyModel(dataSet.size);
  const state: RunState = { imported: undefined, steps: [], verification: undefined, problems: [] };
  try {
    await importAll(context, model, state);
    await resizeUnderLoad(context, { model, findings, latency }, state);
    context.narrate("verifying every key");
    const { client, prefixes, signal } = context;
    state.verification = await verify({
      client,
      dataSet,
      model,
      findings,
      workers: options.clients,
      prefixes,
      signal,
    });
  } catch (error) {
    const cause: unknown = context.signal.aborted ? context.signal.reason : error;
    state.problems.push(cause instanceof Error ? cause.message : String(cause));
  }
  const byKind = findings.calls;
  const { retries, redirects } = context.clientStats();
  return reportOf({
    seed: options.seed,
    data: { cities: dataSet.cities, words: dataSet.words, keys: dataSet.size },
    clients: options.clients,
    readFraction: options.readFraction,
    ...state,
    latency: latency.summarize(),
    calls: {
      total: Object.values(byKind).reduce((sum, count) => sum + count, 0),
      byKind,
      retries,
      redirects,
      failures: findings.failureCount,
      wrongAnswers: findings.wrongAnswerCount,
    },
    failures: findings.failures,
    wrongAnswers: findings.wrongAnswers,
    seconds: (performance.now() - startMs) / 1000,
  });
}

async function importAll(context: RunContext, model: KeyModel, state: RunState): Promise<void> {
  const { client, dataSet, options, signal, narrate } = context;
  narrate(`importing ${dataSet.cities} cities and ${dataSet.words} words`);
  const startMs = performance.now();
  let notedKeys = 0;
  await importDataSet({
    client,
    dataSet,
    model,
    workers: options.clients,
    signal,
    onProgress(keysDone) {
      if (keysDone - notedKeys < importNoteKeys) return;
      notedKeys = keysDone;
      narrate(`imported ${formatOf(keysDone, dataSet.size, "keys")}`);
    },
  });
  const seconds = (performance.now() - startMs) / 1000;
  state.imported = { seconds, keysPerSecond: dataSet.size / seconds };
}

async function resizeUnderLoad(
  context: RunContext,
  checks: { readonly model: KeyModel; readonly findings: Findings; readonly latency: LatencyRecorder },
  state: RunState,
): Promise<void> {
  const { options, admin, signal, narrate } = context;
  const random = new SeededRandom(options.seed);
  const workloadRandom = random.fork();
  const { stores } = await admin.listStores({}, { signal });
  const active = stores.filter((store) => store.state === StoreState.ACTIVE).length;
  const steps = planSteps(active, options, random);
  const workload = startWorkload(
    { ...checks, ...context, workers: options.clients, readFraction: options.readFraction },
    workloadRandom,
  );
  try {
    narrate(`${options.clients} clients read and write from now on`);
    checks.latency.enter("before");
    await delay(calmMs, undefined, { signal });
    for (const step of steps) {
      checks.latency.enter("during");
      const summary = await resize(step, {
        admin,
        random,
        countKeys: () => checks.model.countPresent(),
        signal,
        onEnd: () => checks.latency.enter("between"),
        onProgress: progressNarrator(narrate),
      });
      state.steps.push(summary);
      narrate(`${step} ${summary.storeId}: ${summary.moves} moves in ${summary.seconds.toFixed(1)} s`);
    }
    checks.latency.enter("after");
    await delay(calmMs, undefined, { signal });
  } finally {
    await workload.stop();
    checks.latency.enter(undefined);
  }
}

/** Tells of an operation's progress, at most once for each tenth of it. */
function progressNarrator(narrate: RunContext["narrate"]): Parameters<typeof resize>[1]["onProgress"] {
  let noted = -1;
  return (operation) => {
    const { movesDone, movesTotal, keysMoved, keysTotal } = operation;
    const tenth = movesTotal === 0 ? 0 : Math.floor((movesDone / movesTotal) * 10);
    if (tenth <= noted) return;
    noted = tenth;
    narrate(
      `${operationTitle(operation)}: ${formatOf(movesDone, movesTotal, "moves")}, ${formatOf(keysMoved, keysTotal, "keys")}`,
    );
  };
}
