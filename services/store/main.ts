#!/usr/bin/env node
import { mkdirSync } from "node:fs";
import { messageBytesMax } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import type { StorageEngine } from "../core/ports/storage-engine.js";
import { systemClock } from "../runtime/clock.js";
import { lockFolder } from "../runtime/folder-lock.js";
import { startServer } from "../runtime/grpc-server.js";
import { createLogger } from "../runtime/log.js";
import { runMain, type RunningService } from "../runtime/process.js";
import { systemRandom } from "../runtime/random.js";
import { loadSettings, renderHelp, type Settings } from "../runtime/settings.js";
import { TopologyFeed } from "../runtime/topology-feed.js";
import { openLmdbEngine } from "./engine/lmdb.js";
import { openMemoryEngine } from "./engine/memory.js";
import { type Identity, readIdentity, writeIdentity } from "./identity.js";
import { LoadMeter } from "./load-meter.js";
import { joinCluster, Membership } from "./membership.js";
import { StoreServices } from "./services.js";
import { type StoreSettings, storeSettings } from "./settings.js";
import { Store } from "./store.js";

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
  let known: Identity | undefined = readIdentity(engine);
  const feed = new TopologyFeed();
  const loadMeter = new LoadMeter(clock);
  const services = new StoreServices({
    clock,
    log,
    feed,
    clusterId: () => known?.clusterId ?? "",
    storeId: values.storeId,
    engine: engine.name,
    durability: values.durability,
    valueBytesMax: values.valueBytesMax,
    streamsMax: values.streamsMax,
    callsInFlightMax: values.callsInFlightMax,
  });
  const server = await startServer({
    host: values.host,
    port: values.port,
    services: services.served(),
    messageBytesMax: messageBytesMax(values.valueBytesMax),
  });
  const address = values.advertise === "" ? server.address : values.advertise;
  const processId = systemRandom.hex(8);
  const join = {
    dataLossAccepted: values.acceptDataLoss || values.engine === "memory",
    masters: values.masters,
    storeId: values.storeId,
    address,
    weight: values.weight,
    processId,
  };
  const identity = known ?? (await joinCluster({ ...join, clock, log }));
  if (known === undefined) await writeIdentity(engine, identity);
  known = identity;
  const membershipOf = (): Membership => membership;
  const store = await Store.open({
    ...join,
    address: () => address,
    identity,
    engine,
    clock,
    log,
    loadMeter,
    valueBytesMax: values.valueBytesMax,
    parkMs: values.parkMs,
    parkedCallsMax: values.parkedCallsMax,
    report: () => membershipOf().report(),
    topologyChanged: (topology) => feed.publish(topology),
    shutdown: stopped,
  });
  const membership = new Membership({
    masters: values.masters,
    storeId: values.storeId,
    clock,
    log,
    handler: store,
  });
  services.open(store);
  loadMeter.start();
  log.info("listening", { address, folder, pid: process.pid });
  await membership.start();
  return {
    stop: async () => {
      log.info("draining");
      server.startDraining();
      store.stop();
      services.drain();
      await server.stop(values.shutdownGraceMs);
      membership.stop();
      services.close();
      loadMeter.stop();
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
