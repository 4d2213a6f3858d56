#!/usr/bin/env node
import { mkdirSync } from "node:fs";
import type { Clock } from "../core/ports/clock.js";
import type { StorageEngine } from "../core/ports/storage-engine.js";
import { systemClock } from "../runtime/clock.js";
import { lockFolder } from "../runtime/folder-lock.js";
import { startServer } from "../runtime/grpc-server.js";
import { createLogger } from "../runtime/log.js";
import { runMain, type RunningService } from "../runtime/process.js";
import { systemRandom } from "../runtime/random.js";
import { loadSettings, renderHelp, type Settings } from "../runtime/settings.js";
import { processUsage } from "../runtime/usage.js";
import { openGrpcChannel } from "../wire/channel.js";
import { openLmdbEngine } from "./engine/lmdb.js";
import { openMemoryEngine } from "./engine/memory.js";
import { startStore } from "./running-store.js";
import { type StoreSettings, storeSettings } from "./settings.js";

type Values = Settings<StoreSettings>;

const intro = `Keeps a share of the keys and serves clients directly. Joins the cluster of the master it is given, at its first
start for ever; its share of the ring moves to it by itself.`;

async function openEngine(values: Values, folder: string, clock: Clock): Promise<StorageEngine> {
  if (values.engine === "memory") return openMemoryEngine({ bytesMax: values.memoryBytesMax });
  return await openLmdbEngine({ path: `${folder}/lmdb`, durability: values.durability, clock });
}

async function start(values: Values, stopped: () => void): Promise<RunningService> {
  const log = createLogger({ service: values.storeId, level: values.logLevel, format: values.logFormat });
  const clock = systemClock;
  const folder = values.data === "" ? `./data/${values.storeId}` : values.data;
  mkdirSync(folder, { recursive: true });
  const lock = await lockFolder(folder, {
    role: `store ${values.storeId}`,
    onLost: () => {
      log.error("another process took the data folder over while this one was stopped: leaving at once");
      process.exit(1);
    },
  });
  const engine = await openEngine(values, folder, clock);
  const running = await startStore(
    {
      engine,
      clock,
      random: systemRandom,
      log,
      usage: processUsage(),
      openChannel: openGrpcChannel,
      listen: startServer,
    },
    values,
    stopped,
  );
  return {
    stop: async () => {
      await running.stop();
      await engine.close();
      await lock.release();
      log.info("stopped");
    },
  };
}

const argv = process.argv.slice(2);
if (argv.includes("--help")) process.stdout.write(renderHelp("Elastic-KV store", intro, storeSettings));
else
  await runMain((stopped) => start(loadSettings(storeSettings, { argv, env: process.env }).values, stopped));
