import { isUnspecified } from "../core/host-port.js";
import type { StoreId } from "../core/ids.js";
import { messageBytesMax } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import type { Random } from "../core/ports/random.js";
import type { StorageEngine } from "../core/ports/storage-engine.js";
import type { Listen, RunningServer } from "../runtime/grpc-server.js";
import type { Logger } from "../runtime/log.js";
import { reportRefusedConnections } from "../runtime/refused-connections.js";
import type { RunningService } from "../runtime/process.js";
import type { Settings } from "../runtime/settings.js";
import { TopologyFeed } from "../runtime/topology-feed.js";
import type { ProcessUsage } from "../runtime/usage.js";
import type { OpenChannel } from "../wire/channel.js";
import type { ConnectFramed } from "../wire/framed-connection.js";
import { Departure } from "./departure.js";
import { type Identity, readIdentity, writeIdentity } from "./identity.js";
import { LoadMeter } from "./load-meter.js";
import { joinCluster, Membership } from "./membership.js";
import { StoreServices } from "./services.js";
import type { StoreSettings } from "./settings.js";
import { Store } from "./store.js";

/** What a store runs on. */
export interface StoreHost {
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly usage: ProcessUsage;
  readonly openChannel: OpenChannel;
  /** How moves reach their targets besides gRPC. Default: not at all. */
  readonly connectFramed?: ConnectFramed;
  readonly listen: Listen;
  /** The address of this host towards some peers, host:port each; see `--advertise auto`. */
  ownAddress(peers: readonly string[]): Promise<string>;
}

/** A store's settings, with the name and the folder that it has taken. */
export type StoreValues = Settings<StoreSettings> & { readonly storeId: StoreId };

/** A store that serves. Its engine stays open when it has stopped. */
export interface RunningStore extends RunningService {
  /** host:port that it listens on. */
  readonly address: string;
  readonly store: Store;
  /** With `--drain-on-stop`: resolves when all data has gone to other stores, or will not. Else at once. */
  depart(): Promise<void>;
  /** Whether the master ordered it to stop because it holds nothing more. */
  isEmptied(): boolean;
}

/**
 * Starts a store: listens, joins its cluster, takes up what its disk holds and registers. Rejects with an EkvError when
 * a master refuses it for good.
 *
 * @param stopped called when the store is to end by itself
 */
export async function startStore(
  host: StoreHost,
  values: StoreValues,
  stopped: () => void,
): Promise<RunningStore> {
  const { engine, clock, random, log, openChannel } = host;
  let known: Identity | undefined = readIdentity(engine, values.storeId, values.data);
  const feed = new TopologyFeed();
  const loadMeter = new LoadMeter(clock, host.usage);
  const services = openServices(host, values, { feed, clusterId: () => known?.clusterId ?? "" });
  const server = await listen(host, values, services);
  const join = joinOptions(host, values, server);
  const identity = known ?? (await joinCluster({ ...join, clock, random, log, openChannel }));
  if (known === undefined) await writeIdentity(engine, identity);
  known = identity;
  const membershipOf = (): Membership => membership;
  let emptied = false;
  const departure = new Departure({
    clock,
    timeoutMs: values.drainMs,
    report: () => membershipOf().report("now"),
    isConnected: () => membershipOf().isConnected,
  });
  const store = await Store.open({
    ...join,
    identity,
    engine,
    clock,
    random,
    log,
    loadMeter,
    openChannel,
    connectFramed: host.connectFramed,
    valueBytesMax: values.valueBytesMax,
    parkMs: values.parkMs,
    parkedCallsMax: values.parkedCallsMax,
    report: (when) => membershipOf().report(when),
    topologyChanged: (topology) => feed.publish(topology),
    isLeaving: () => departure.isUnderWay,
    shutdown: () => {
      emptied = true;
      if (departure.isUnderWay) departure.emptied();
      else stopped();
    },
    stay: (reason) => departure.stay(reason),
  });
  const { masters } = values;
  const membership = new Membership({ masters, identity, clock, random, log, openChannel, handler: store });
  services.open(store);
  loadMeter.start();
  log.info("listening", { address: server.address, folder: values.data, pid: process.pid });
  await membership.start();
  server.startServing();
  return {
    address: server.address,
    store,
    isEmptied: () => emptied,
    depart: () => (values.drainOnStop ? leave(departure, log) : Promise.resolve()),
    stop: async () => {
      log.info("draining");
      server.startDraining();
      store.stop();
      services.drain();
      await server.stop(values.shutdownGraceMs);
      membership.stop();
      services.close();
      loadMeter.stop();
    },
  };
}

/** The services of a store that is yet to open. */
function openServices(
  { engine, clock, log, openChannel }: StoreHost,
  values: StoreValues,
  shared: { readonly feed: TopologyFeed; readonly clusterId: () => string },
): StoreServices {
  const { storeId, durability, streamsMax, callsInFlightMax } = values;
  return new StoreServices({
    ...shared,
    clock,
    log,
    storeId,
    engine: engine.name,
    durability,
    streamsMax,
    callsInFlightMax,
    openChannel,
  });
}

/** Opens the store's port. It is not ready: health checks say so until the store has registered. */
function listen(host: StoreHost, values: StoreValues, services: StoreServices): Promise<RunningServer> {
  return host.listen({
    host: values.host,
    port: values.port,
    services: services.served(),
    identity: () => services.identity(),
    framed: (socket, protocol) => services.takeFramed(socket, protocol),
    messageBytesMax,
    connectionsMax: values.connectionsMax,
    connectionRefused: reportRefusedConnections(host.log, host.clock, values.connectionsMax),
    ready: false,
  });
}

/** How the store presents itself to its master. */
function joinOptions(host: StoreHost, values: StoreValues, server: RunningServer) {
  const { masters, storeId, weight, advertise } = values;
  // It listens on all addresses of its machine: of these, others reach it where the master does.
  const isFound = advertise === "auto" || (advertise === "" && isUnspecified(values.host));
  return {
    dataLossAccepted: values.acceptDataLoss || values.engine === "memory",
    masters,
    storeId,
    address: async (): Promise<string> => {
      if (isFound) return `${await host.ownAddress(masters)}:${server.port}`;
      return advertise === "" ? server.address : advertise;
    },
    weight,
    processId: host.random.hex(8),
    engineName: values.engine,
    durability: values.durability,
  };
}

/** Gives all data away. Resolves when nothing is left here, or when the store has to keep its data. */
async function leave(departure: Departure, log: Logger): Promise<void> {
  log.info("leaving the cluster for good: giving all data away first");
  const parting = await departure.begin();
  if (parting.kind === "emptied") log.info("nothing is left here");
  else log.warn("stopping with its data", { reason: parting.reason });
}
