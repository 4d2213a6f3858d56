import { randomInt } from "node:crypto";
import { connectAdmin } from "../../client/admin.js";
import { codecs, connect } from "../../client/index.js";
import { wantsColour } from "../../cli/output.js";
import { deleteDataSet } from "./bulk.js";
import { keyPrefixes, loadDataSet } from "./data-set.js";
import { parseOptions, type DemoOptions } from "./options.js";
import { startPrivateCluster } from "./private-cluster.js";
import type { Report } from "./report.js";
import { formatReport } from "./report-text.js";
import { runDemo } from "./run.js";
import type { StoredValue } from "./stored-value.js";

const interruptedStatus = 130;
/** How long a call may take before it counts as failed. */
const deadlineMs = 10_000;

const startMs = performance.now();

function narrate(text: string): void {
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stderr.write(`${seconds.padStart(6)} s  ${text}\n`);
}

/** Connects to a cluster and does the run on it. */
async function runOn(seeds: string[], options: DemoOptions, signal: AbortSignal): Promise<Report> {
  const dataSet = await loadDataSet(options);
  if (dataSet.size < options.clients) {
    throw new Error(
      `${dataSet.size} keys are too few for ${options.clients} clients: each owns at least one`,
    );
  }
  const client = await connect<StoredValue>({ seeds, codec: codecs.json<StoredValue>(), deadlineMs });
  const admin = connectAdmin({ seeds });
  try {
    if (options.seeds) await refuseLeftovers(client);
    const prefixes = options.seeds ? keyPrefixes : [""];
    const clientStats = (): ReturnType<typeof client.stats> => client.stats();
    const report = await runDemo({ options, client, clientStats, admin, dataSet, prefixes, narrate, signal });
    if (options.seeds) await deleteDataSet({ client, dataSet });
    return report;
  } finally {
    await Promise.all([client.close(), admin.close()]);
  }
}

/** The model begins with an empty data set. */
async function refuseLeftovers(client: Awaited<ReturnType<typeof connect<StoredValue>>>): Promise<void> {
  for (const prefix of keyPrefixes) {
    for await (const _ of client.scan({ prefix, limit: 1, keysOnly: true })) {
      throw new Error(`the cluster has keys that begin with ${prefix}; the demo needs them for itself`);
    }
  }
}

async function main(options: DemoOptions, signal: AbortSignal): Promise<number> {
  narrate(`seed ${options.seed}`);
  let report: Report;
  if (options.seeds) {
    report = await runOn([...options.seeds], options, signal);
  } else {
    narrate("starting a private cluster of one store");
    const cluster = await startPrivateCluster(1, signal);
    try {
      report = await runOn([cluster.seed], options, signal);
    } finally {
      narrate("stopping the private cluster");
      await cluster.stop();
    }
  }
  const colour = wantsColour(process.stdout.isTTY, process.env);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : formatReport(report, colour));
  return report.ok ? 0 : 1;
}

const parsed = parseOptions(process.argv.slice(2), randomInt(2 ** 32));
if (parsed.kind === "exit") {
  (parsed.status === 0 ? process.stdout : process.stderr).write(parsed.text);
  process.exitCode = parsed.status;
} else {
  const { options } = parsed;
  const interrupted = new AbortController();
  const interrupt = (): void => {
    // Asked twice: the private cluster is killed on the way out.
    if (interrupted.signal.aborted) process.exit(interruptedStatus);
    interrupted.abort(new Error("interrupted"));
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  const timeUp = new AbortController();
  const timer = setTimeout(
    () => timeUp.abort(new Error(`not done after ${options.secondsMax} s`)),
    options.secondsMax * 1000,
  );
  try {
    const signal = AbortSignal.any([interrupted.signal, timeUp.signal]);
    process.exitCode = await main(options, signal);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${problem}\n`);
    if (options.json) process.stdout.write(`${JSON.stringify({ ok: false, problems: [problem] })}\n`);
    process.exitCode = 1;
  } finally {
    clearTimeout(timer);
  }
  if (interrupted.signal.aborted) process.exitCode = interruptedStatus;
}
