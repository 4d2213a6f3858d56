import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { AdminClient } from "../client/admin.js";
import type { EngineName } from "../services/core/data-settings.js";
import { EkvError } from "../services/core/errors.js";
import type { GetClusterStatusResponse, StoreInfo } from "../services/gen/elastickv/v1/master.js";
import { writeJson, type CommandContext } from "./context.js";
import { defaultSeeds } from "./default-seeds.js";
import { exitCodes, type ExitCode } from "./exit-codes.js";
import { paletteFor } from "./output.js";
import { formatNoun } from "./quantities.js";
import { lossLines } from "./store-notes.js";
import { openDataFolder, type DataFolder } from "./up/data-folder.js";
import { superviseMaster, type SupervisedMaster } from "./up/master-process.js";
import { stopProcess } from "./up/process-end.js";
import { whatIsMissing } from "./up/readiness.js";
import { watchStores } from "./up/store-watch.js";

/** Options of `ekv up`. */
export interface UpOptions {
  readonly data: string;
  readonly stores: number;
  readonly port: number;
  readonly partitions?: number | undefined;
  readonly placement?: "balanced" | "contiguous" | undefined;
  readonly durability?: "commit" | "fsync";
  readonly engine?: EngineName;
  readonly readyTimeoutMs: number;
}

const host = "127.0.0.1";
/** How long a store may take to end, in milliseconds. */
const stopGraceMs = 15_000;
/** Above it there is no room for the stores' ports behind the master's: they take any. */
const basePortMax = 65_000;
const pollMs = 200;
const pollTimeoutMs = 2000;

/** `ekv up`: runs a cluster on this machine until it is interrupted, and stops all of it. */
export async function up(context: CommandContext, options: UpOptions): Promise<ExitCode> {
  const note = (text: string): void => void context.stderr.stream.write(`${text}\n`);
  const { engine, durability, partitions, placement } = options;
  const folder = await openDataFolder(options.data, {
    given: { engine, durability, partitions, placement },
    note,
  });
  const created = folder.isNew();
  let master: SupervisedMaster | undefined;
  try {
    await requireFreePort(options.port);
    if (!context.json)
      note(created ? `Creating a cluster in ${folder.path} …` : `Starting the cluster in ${folder.path} …`);
    master = superviseMaster({
      script: fileURLToPath(new URL("../services/master/main.js", import.meta.url)),
      args: () => masterArguments(folder, folder.isNew(), withSettings(options, folder)),
      environment: context.environment,
      logPath: join(folder.path, "master.log"),
      onStart: (identity) => folder.recordMaster(identity),
      onRestart: note,
    });
    await Promise.race([serve(context, options, folder, created, master), master.ended]);
    return context.signal.aborted ? exitCodes.ok : exitCodes.failed;
  } finally {
    await stopAll(context, folder, master);
  }
}

/** The options with what is recorded in the folder. What is not, the master knows. */
function withSettings(options: UpOptions, { settings }: DataFolder): UpOptions {
  const { engine, durability, partitions = options.partitions, placement = options.placement } = settings;
  return { ...options, engine, durability, partitions, placement };
}

/** The flags of the master for a data folder. */
export function masterArguments(
  folder: Pick<DataFolder, "path" | "masterPath">,
  create: boolean,
  options: UpOptions,
): string[] {
  const storeArgs = [
    ...(options.durability ? ["--durability", options.durability] : []),
    ...(options.engine ? ["--engine", options.engine] : []),
  ];
  const flags: Readonly<Record<string, string | number | undefined>> = {
    "--data": folder.masterPath,
    "--port": options.port,
    "--launcher": "process",
    "--store-data": folder.path,
    "--store-base-port": options.port > basePortMax ? 0 : options.port,
    "--initial-stores": options.stores,
    "--partitions": options.partitions,
    "--placement": options.placement,
    "--store-args": storeArgs.length > 0 ? JSON.stringify(storeArgs) : undefined,
  };
  const given = Object.entries(flags).flatMap(([flag, value]) =>
    value === undefined ? [] : [flag, `${value}`],
  );
  return create ? [...given, "--create"] : given;
}

/** Throws `INVALID_ARGUMENT` when somebody else listens on the master's port. A store takes the next one that is free. */
async function requireFreePort(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      const text =
        error.code === "EADDRINUSE"
          ? `port ${port} of the master is in use: stop what listens there, or choose another --port`
          : `port ${port} of the master cannot be used: ${error.message}`;
      reject(new EkvError("INVALID_ARGUMENT", text, { notExecuted: true, cause: error }));
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}

/** Announces the cluster when it is ready, then waits for the interrupt. */
async function serve(
  context: CommandContext,
  options: UpOptions,
  folder: DataFolder,
  created: boolean,
  master: SupervisedMaster,
): Promise<void> {
  const { connectAdmin } = await import("../client/admin.js");
  const admin = connectAdmin({ seeds: [`${host}:${options.port}`] });
  try {
    const state = await waitUntilReady(context, options, admin, created);
    if (state === undefined) return;
    master.confirm();
    await announce(context, options, folder, created, state);
    await watchStores({
      admin,
      first: state.stores,
      signal: context.signal,
      note: (text) => void context.stderr.stream.write(`${text}\n`),
      look: async () => void (await folder.recordedStores()),
    });
  } finally {
    await admin.close();
  }
}

interface ClusterState {
  readonly status: GetClusterStatusResponse;
  readonly stores: readonly StoreInfo[];
  /** What is still missing of an old cluster, which runs on with what it has. */
  readonly missing: string | undefined;
}

/** Undefined when interrupted. Throws `DEADLINE_EXCEEDED` when a new cluster does not get ready in time. */
async function waitUntilReady(
  context: CommandContext,
  options: UpOptions,
  admin: AdminClient,
  created: boolean,
): Promise<ClusterState | undefined> {
  const endMs = performance.now() + options.readyTimeoutMs;
  let missing = "the master does not answer";
  while (!context.signal.aborted) {
    let state: ClusterState | undefined;
    try {
      const call = { deadlineMs: pollTimeoutMs, signal: context.signal };
      const status = await admin.getClusterStatus({}, call);
      const { stores } = await admin.listStores({}, call);
      state = { status, stores, missing: whatIsMissing(status, stores, created ? options.stores : 1) };
      if (state.missing === undefined) return state;
      missing = state.missing;
    } catch (error) {
      if (!(error instanceof EkvError)) throw error;
    }
    if (performance.now() > endMs) {
      // An old cluster with a broken store can still be used, and repaired, so it is left running.
      if (!created && state) return state;
      throw new EkvError(
        "DEADLINE_EXCEEDED",
        `not ready after ${options.readyTimeoutMs} ms: ${missing}; see ${join(options.data, "master.log")}`,
      );
    }
    await delay(pollMs, undefined, { signal: context.signal }).catch(() => undefined);
  }
  return undefined;
}

async function announce(
  context: CommandContext,
  options: UpOptions,
  folder: DataFolder,
  created: boolean,
  { status, stores, missing }: ClusterState,
): Promise<void> {
  const master = `${host}:${options.port}`;
  const { engine } = folder.settings;
  // Of runs before, the operator has read.
  const losses = status.dataLosses.filter(({ atMs }) => atMs >= folder.takenAtMs);
  const endpoints = stores.map((store) => ({
    storeId: store.storeId,
    address: `${store.ip}:${store.clientPort}`,
    alive: store.alive,
  }));
  if (context.json) {
    await writeJson(context, {
      ready: missing === undefined,
      missing: missing ?? null,
      created,
      clusterId: status.clusterId,
      dataFolder: folder.path,
      master,
      stores: endpoints,
      engine,
      dataLosses: losses,
      partitions: status.partitionCount,
      keys: status.keys,
    });
    return;
  }
  const palette = paletteFor(context.stdout);
  const width = Math.max(...endpoints.map(({ storeId }) => storeId.length), 6);
  const rows = [
    ["master", master] as const,
    ...endpoints.map(({ storeId, address }) => [storeId, address] as const),
  ];
  const head =
    missing === undefined
      ? palette.good("Elastic-KV is up")
      : `${palette.bad("Elastic-KV is up, but not whole")} (${missing})`;
  const seeds = [master, ...endpoints.slice(0, defaultSeeds.length - 1).map(({ address }) => address)];
  const needed = seeds.every((seed) => defaultSeeds.includes(seed))
    ? ""
    : `  export EKV_SEEDS=${seeds.join(",")}\n`;
  await context.stdout.write(
    `${head}: ${formatNoun(endpoints.length, "store")}, ${formatNoun(status.partitionCount, "partition")}, ` +
      `${formatNoun(status.keys, "key")}.\n\n` +
      `${rows.map(([name, address]) => `  ${palette.bold(name.padEnd(width))}  ${address}\n`).join("")}\n` +
      `${losses.length === 0 ? "" : `${lossLines(losses, Date.now()).join("\n")}\n\n`}` +
      `Data: ${folder.path}${engine === "memory" ? " (the keys are in memory alone)" : ""}\n\n` +
      `Try, in another terminal:\n${needed}` +
      `  npx ekv put greeting hello && npx ekv get greeting\n` +
      `  npx ekv stores\n` +
      `  npx ekv ring\n` +
      `  npx ekv add-store\n` +
      `  npx ekv shell\n\n` +
      (engine === "memory"
        ? `Ctrl-C stops everything. A store that stops loses its keys.\n`
        : `Ctrl-C stops everything; the next start finds the data again.\n`),
  );
}

/** The master first, for it would start stores again; then the stores. */
async function stopAll(
  context: CommandContext,
  folder: DataFolder,
  master: SupervisedMaster | undefined,
): Promise<void> {
  const quiet = context.json || !context.signal.aborted;
  const note = (text: string): void => void (quiet || context.stderr.stream.write(`${text}\n`));
  if (master) {
    note("Stopping …");
    await master.stop();
    const stores = await folder.recordedStores();
    await Promise.all(
      stores.map(async ({ storeId, identity }) => {
        const byItself = await stopProcess(identity, stopGraceMs);
        if (!byItself)
          note(`${storeId} did not end in ${stopGraceMs / 1000} s and was killed; it will recover.`);
      }),
    );
    note("Stopped.");
  }
  await folder.release();
}
