#!/usr/bin/env node
import type { DataSettings, Known } from "../core/data-settings.js";
import type { Clock } from "../core/ports/clock.js";
import { systemClock } from "../runtime/clock.js";
import { decideConnectionsMax, descriptorLimit } from "../runtime/descriptors.js";
import { startServer } from "../runtime/grpc-server.js";
import { createLogger } from "../runtime/log.js";
import { availableMemory, decideMemoryBytesMax } from "../runtime/memory.js";
import { ownAddress } from "../runtime/own-address.js";
import { runMain, type RunningService } from "../runtime/process.js";
import { systemRandom } from "../runtime/random.js";
import { type LoadedSettings, loadSettings, renderHelp, type Settings } from "../runtime/settings.js";
import { processUsage } from "../runtime/usage.js";
import { openGrpcChannel } from "../wire/grpc-channel.js";
import { connectFramed } from "../wire/framed-connection.js";
import { clearDataFolder, type DataFolder, isPattern, openDataFolder } from "./data-folder.js";
import { openEngine } from "./engine/open-engine.js";
import { settleDataSettings } from "./folder-settings.js";
import { startStore } from "./running-store.js";
import { type StoreSettings, storeSettings } from "./settings.js";

type Values = Settings<StoreSettings>;
type Loaded = LoadedSettings<StoreSettings>;

const intro = `Keeps a share of the keys and serves clients directly. Joins the cluster of the master it is given, at its first
start for ever; its share of the ring moves to it by itself.`;

function takeFolder(name: string, root: string, clock: Clock): Promise<DataFolder> {
  return openDataFolder({
    name,
    root,
    clock,
    onLost: () => {
      process.stderr.write("another process took the data folder over while this one was stopped\n");
      process.exit(1);
    },
  });
}

/** What the operator asked for of the settings that belong to the data. */
function givenDataSettings({ values, given }: Loaded): Known<DataSettings> {
  return {
    engine: given.has("engine") ? values.engine : undefined,
    durability: given.has("durability") ? values.durability : undefined,
  };
}

/** Takes the store's folder, and settles what its data is used with. Given settings that do not fit touch nothing. */
async function takeData(
  loaded: Loaded,
  clock: Clock,
): Promise<{ folder: DataFolder; settings: DataSettings }> {
  const given = givenDataSettings(loaded);
  const { storeId: name, data } = loaded.values;
  const root = data !== "" ? data : isPattern(name) ? "./data" : `./data/${name}`;
  if (!isPattern(name)) await settleDataSettings(root, given);
  const folder = await takeFolder(name, root, clock);
  return { folder, settings: await settleDataSettings(folder.path, given) };
}

async function start(loaded: Loaded, stopped: () => void): Promise<RunningService> {
  const clock = systemClock;
  const connectionsMax = decideConnectionsMax(loaded.values.connectionsMax, descriptorLimit());
  const { folder, settings } = await takeData(loaded, clock);
  const values: Values = { ...loaded.values, ...settings, connectionsMax };
  const log = createLogger({ service: folder.storeId, level: values.logLevel, format: values.logFormat });
  const memoryBytesMax = decideMemoryBytesMax(values.memoryBytesMax, availableMemory());
  const engine = await openEngine({
    settings,
    memoryBytesMax,
    folder: folder.path,
    clock,
    random: systemRandom,
    log,
  });
  const running = await startStore(
    {
      engine,
      clock,
      random: systemRandom,
      log,
      usage: processUsage(),
      openChannel: openGrpcChannel,
      connectFramed,
      listen: startServer,
      ownAddress,
    },
    { ...values, storeId: folder.storeId, data: folder.path },
    stopped,
  );
  return {
    depart: () => running.depart(),
    stop: async () => {
      await running.stop();
      await engine.close();
      if (running.isEmptied() && isPattern(values.storeId)) await clearDataFolder(folder);
      await folder.lock.release();
      log.info("stopped");
    },
    lingers: !values.exitWhenRemoved,
  };
}

const argv = process.argv.slice(2);
if (argv.includes("--help")) process.stdout.write(renderHelp("Elastic-KV store", intro, storeSettings));
else await runMain((stopped) => start(loadSettings(storeSettings, { argv, env: process.env }), stopped));
