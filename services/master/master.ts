import { invalidArgument } from "../core/errors.js";
import { isUnspecified, joinHostPort } from "../core/host-port.js";
import type { StoreId } from "../core/ids.js";
import { limits, messageBytesMax } from "../core/limits.js";
import { MasterMachine } from "../core/master/machine.js";
import type { MasterOptions } from "../core/master/options.js";
import type { ClusterRecord } from "../core/master/state/records.js";
import type { Clock } from "../core/ports/clock.js";
import type { Launcher } from "../core/ports/launcher.js";
import type { MetadataStore } from "../core/ports/metadata-store.js";
import type { Random } from "../core/ports/random.js";
import { systemClock } from "../runtime/clock.js";
import { decideConnectionsMax, descriptorLimit } from "../runtime/descriptors.js";
import { lockFolder } from "../runtime/folder-lock.js";
import { type Listen, type RunningServer, type ServedService, startServer } from "../runtime/grpc-server.js";
import { createLogger, type Logger } from "../runtime/log.js";
import type { RunningService } from "../runtime/process.js";
import { reportRefusedConnections } from "../runtime/refused-connections.js";
import { systemRandom } from "../runtime/random.js";
import type { LoadedSettings, Settings } from "../runtime/settings.js";
import { TopologyFeed } from "../runtime/topology-feed.js";
import { topologyHandlers } from "../runtime/topology-handlers.js";
import type { OpenChannel } from "../wire/channel.js";
import { openGrpcChannel } from "../wire/grpc-channel.js";
import { adminService, membershipService, topologyService } from "../wire/services.js";
import { adminHandlers } from "./admin-handlers.js";
import { openCluster, type OpenedCluster, reloadCluster } from "./cluster.js";
import { DeferredLauncher } from "./deferred-launcher.js";
import { Driver } from "./driver.js";
import { HeartbeatStreams } from "./heartbeat-streams.js";
import type { LauncherContext } from "./launchers/context.js";
import { openLauncher } from "./launchers/open.js";
import { membershipHandlers } from "./membership-handlers.js";
import { openLmdbMetadataStore } from "./metadata/lmdb.js";
import { OperationFeed } from "./operation-feed.js";
import { probeStore } from "./probe.js";
import type { masterSettings } from "./settings.js";

type Values = Settings<typeof masterSettings>;

/** How long a store may take to answer a probe. */
const probeTimeoutMs = 300;
/** How long calls may go on after the master was told to stop. */
const stopGraceMs = 1000;

/** What a master runs on. */
export interface MasterHost {
  readonly metadata: MetadataStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly openChannel: OpenChannel;
  readonly listen: Listen;
  /** Opens what starts the cluster's stores, given the address that they reach the master at. */
  openLauncher(context: Pick<LauncherContext, "masterAddress" | "clusterId" | "isMember">): Promise<Launcher>;
}

/** A master that serves. */
export interface RunningMaster extends RunningService {
  /** host:port. */
  readonly address: string;
}

function machineOptions(values: Values): MasterOptions {
  const { placement, initialStores, autoJoin, suspectAfterMs } = values;
  const { movesInFlightMax, movesPerStoreMax, handoffsPerStoreMax, moveAttemptsMax } = values;
  return {
    placement,
    initialStores,
    autoJoin,
    launches: values.launcher !== "none",
    scaled: values.launcher === "kubernetes",
    launchesInitial: values.launchInitial,
    suspectAfterMs,
    movesInFlightMax,
    movesPerStoreMax,
    handoffsPerStoreMax,
    moveAttemptsMax,
  };
}

/**
 * Runs a master on a host. Rejects with an EkvError that says what to fix.
 *
 * @param onFatal called once when the running master cannot go on and has to end
 */
export async function runMaster(
  host: MasterHost,
  settings: LoadedSettings<typeof masterSettings>,
  onFatal: (error: unknown) => void,
): Promise<RunningMaster> {
  const { log } = host;
  const opened = await openRecorded(host, settings);
  const { cluster } = opened;
  const values: Values = { ...settings.values, placement: cluster.placement ?? settings.values.placement };
  const parts = assemble(host, values, opened, onFatal);
  const { driver, streams, launcher } = parts;
  const server = await host.listen({
    host: values.host,
    port: values.port,
    messageBytesMax,
    connectionsMax: values.connectionsMax,
    connectionRefused: reportRefusedConnections(log, host.clock, values.connectionsMax),
    ready: false,
    identity: () => ({ clusterId: cluster.clusterId, storeId: "" }),
    services: masterServices(parts),
  });
  const undo: (() => Promise<void>)[] = [
    async () => {
      streams.endAll();
      await server.stop(stopGraceMs);
    },
  ];
  const stop = async (): Promise<void> => {
    for (const step of undo.reverse()) await step();
  };
  try {
    const address = advertisedAddress(values, server);
    const { clusterId, partitionCount } = cluster;
    const isMember = (id: StoreId): boolean =>
      driver.view.topology.stores.some(({ storeId }) => storeId === id);
    await launcher.open(host.openLauncher({ masterAddress: address, clusterId, isMember }));
    undo.push(async () => {
      // The driver first, so that it takes no notice of launches that the launcher gives up: the next master repeats them.
      const driverStopped = driver.stop();
      await launcher.close({ stopStores: false });
      await driverStopped;
    });
    await driver.start();
    server.startServing();
    const { term } = driver.view.topology;
    log.info("listening", { address, clusterId, partitionCount, term, pid: process.pid });
    return { address, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Opens the cluster of the settings' folder, or makes it, as they say. */
async function openRecorded(
  { metadata, clock, random }: MasterHost,
  { values, given }: LoadedSettings<typeof masterSettings>,
): Promise<OpenedCluster> {
  return await openCluster(metadata, {
    create: values.create,
    createIfMissing: values.createIfMissing,
    partitionCount: values.partitions,
    partitionCountGiven: given.has("partitions"),
    placement: values.placement,
    placementGiven: given.has("placement"),
    folder: values.data,
    clock,
    random,
  });
}

/** What a master's services are made of. */
interface MasterParts {
  readonly host: MasterHost;
  readonly values: Values;
  readonly cluster: ClusterRecord;
  readonly driver: Driver;
  readonly streams: HeartbeatStreams;
  readonly launcher: DeferredLauncher;
  readonly feed: TopologyFeed;
  readonly operationFeed: OperationFeed;
}

/** Makes what a master's services are made of. Nothing has begun. */
function assemble(
  host: MasterHost,
  values: Values,
  { cluster, snapshot, full }: OpenedCluster,
  onFatal: (error: unknown) => void,
): MasterParts {
  const { metadata, clock, log } = host;
  const feed = new TopologyFeed();
  const operationFeed = new OperationFeed(clock);
  const streams = new HeartbeatStreams(values);
  const launcher = new DeferredLauncher(values.launcher);
  const machineOf = (records: ReadonlyMap<string, string>): MasterMachine =>
    MasterMachine.restore(records, machineOptions(values), clock.nowMs());
  const driver = new Driver({
    machine: machineOf(snapshot),
    full,
    restore: async (newTerm) => machineOf(await reloadCluster(metadata, newTerm)),
    metadata,
    launcher,
    clock,
    random: host.random,
    log,
    feed,
    operationFeed,
    streams,
    monitorIntervalMs: values.monitorIntervalMs,
    probe: ({ storeId, address }) =>
      probeStore(address, { clusterId: cluster.clusterId, storeId }, probeTimeoutMs, host),
    onFatal,
  });
  return { host, values, cluster, driver, streams, launcher, feed, operationFeed };
}

/** The services of a master's port. */
function masterServices(parts: MasterParts): readonly ServedService[] {
  const { host, values, cluster, driver, streams, launcher, feed, operationFeed } = parts;
  const { heartbeatIntervalMs, placement } = values;
  const { log, clock } = host;
  return [
    {
      name: "elastickv.v1.TopologyService",
      definition: topologyService,
      handlers: topologyHandlers(feed, values.watchersMax, host),
    },
    {
      name: "elastickv.v1.MembershipService",
      definition: membershipService,
      messageItemsMax: limits.messageItemsMaxBetweenServers,
      handlers: membershipHandlers({ driver, streams, cluster, heartbeatIntervalMs, launcher, log, clock }),
    },
    {
      name: "elastickv.v1.AdminService",
      definition: adminService,
      handlers: adminHandlers({ driver, operationFeed, placement, launcher, log, clock }),
    },
  ];
}

/**
 * Where the stores that are launched reach the master. A master that listens on all addresses of its machine is at the
 * loopback address for those that run there too; those in containers have to be given another.
 */
function advertisedAddress({ advertise, host, launcher }: Values, server: RunningServer): string {
  if (advertise !== "") return advertise;
  if (!isUnspecified(host)) return server.address;
  if (launcher === "docker") {
    const problem = `is empty, and --host ${host} is only to listen on; give the host:port that containers reach this master at`;
    throw invalidArgument("advertise", problem);
  }
  return joinHostPort(host.includes(":") ? "::1" : "127.0.0.1", server.port);
}

/**
 * Starts a master on this machine: locks its folder, and opens the metadata in it. Rejects with an EkvError that says
 * what to fix.
 *
 * @param onFatal called once when the running master cannot go on and has to end
 */
export async function startMaster(
  settings: LoadedSettings<typeof masterSettings>,
  onFatal: (error: unknown) => void,
): Promise<RunningMaster> {
  const { values } = settings;
  const connectionsMax = decideConnectionsMax(values.connectionsMax, descriptorLimit());
  const log = createLogger({ service: "master", level: values.logLevel, format: values.logFormat });
  const lock = await lockFolder(values.data, {
    role: "the master",
    onLost: () => onFatal(new Error("another process took the data folder over while this one was stopped")),
  });
  const undo: (() => Promise<void>)[] = [() => lock.release()];
  const unwind = async (): Promise<void> => {
    for (const step of undo.reverse()) await step();
  };
  try {
    const metadata = await openLmdbMetadataStore({ path: values.data });
    undo.push(() => metadata.close());
    const host: MasterHost = {
      metadata,
      clock: systemClock,
      random: systemRandom,
      log,
      openChannel: openGrpcChannel,
      listen: startServer,
      openLauncher: (context) => openLauncher({ ...context, values, log }),
    };
    const running = await runMaster(host, { ...settings, values: { ...values, connectionsMax } }, onFatal);
    undo.push(() => running.stop());
    return { address: running.address, stop: unwind };
  } catch (error) {
    await unwind();
    throw error;
  }
}
