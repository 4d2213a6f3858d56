import type { Cluster } from "../cluster.js";
import type { SimNode } from "../node.js";
import type { SeededRandom } from "../world/random.js";

/** What faults may touch. */
export interface FaultTargets {
  readonly cluster: Cluster;
  readonly clients: readonly SimNode[];
}

/** One kind of fault: strikes once, somewhere. */
export type Fault = (targets: FaultTargets, random: SeededRandom) => void;

const second = 1_000_000;

function anyStore(
  { cluster }: FaultTargets,
  random: SeededRandom,
): ReturnType<Cluster["running"]>[number] | undefined {
  const running = cluster.running();
  return running.length === 0 ? undefined : random.pick(running);
}

function anyServer(targets: FaultTargets, random: SeededRandom): SimNode {
  return random.chance(0.25) ? targets.cluster.master : (anyStore(targets, random) ?? targets.cluster.master);
}

function hostsOf({ cluster, clients }: FaultTargets): readonly string[] {
  return [cluster.master.host, ...[...cluster.stores.values(), ...clients].map(({ host }) => host)];
}

function crashAtEffect(node: SimNode | undefined, random: SeededRandom): void {
  const restartUs = random.between(0.1, 2.5) * second;
  node?.process?.crashAtEffect(1 + random.below(60), random.chance(0.5), () => node.crash(restartUs));
}

/** Wherever a fault lasts, it ends by itself: `heal` ends it earlier. */
export const faults = {
  crashStore: (targets, random) =>
    anyStore(targets, random)?.crash(random.chance(0.3) ? 1000 : random.between(0.1, 4) * second),
  crashMaster: ({ cluster }, random) =>
    cluster.master.crash(random.chance(0.3) ? 1000 : random.between(0.1, 4) * second),
  crashStoreAtEffect: (targets, random) => crashAtEffect(anyStore(targets, random), random),
  crashMasterAtEffect: ({ cluster }, random) => crashAtEffect(cluster.master, random),
  cutPowerOfMaster: ({ cluster }, random) => void cluster.master.cutPower(random.between(0.1, 3) * second),
  cutPowerOfStore: (targets, random) => {
    // What is acknowledged when it is committed may be lost with the power: that is what fsync is for.
    if (targets.cluster.options.durability !== "fsync") return;
    void anyStore(targets, random)?.cutPower(random.between(0.1, 3) * second);
  },
  crashClient: ({ clients }, random) => random.pick(clients).crash(random.between(0.01, 1) * second),
  pause: (targets, random) => {
    const { process } = anyServer(targets, random);
    if (process === undefined || process.paused) return;
    process.pause();
    const forUs = random.chance(0.3) ? random.between(3, 7) : random.between(0.01, 2);
    targets.cluster.machines.world.after(forUs * second, `${process.name} goes on`, () => process.resume());
  },
  clogOneWay: (targets, random) => {
    const hosts = hostsOf(targets);
    const [from, to] = [random.pick(hosts), random.pick(hosts)];
    targets.cluster.machines.network.clog(from, to, random.between(0.05, 5) * second);
  },
  clogBothWays: (targets, random) => {
    const hosts = hostsOf(targets);
    const [a, b] = [random.pick(hosts), random.pick(hosts)];
    const forUs = random.between(0.05, 8) * second;
    targets.cluster.machines.network.clog(a, b, forUs);
    targets.cluster.machines.network.clog(b, a, forUs);
  },
  isolate: (targets, random) => {
    const { host } = anyServer(targets, random);
    const forUs = random.between(0.2, 6) * second;
    for (const other of hostsOf(targets)) {
      targets.cluster.machines.network.clog(host, other, forUs);
      targets.cluster.machines.network.clog(other, host, forUs);
    }
  },
  resetConnection: ({ cluster }, random) => {
    const connections = cluster.machines.network.connections();
    if (connections.length > 0) random.pick(connections).cut();
  },
  resetHost: (targets, random) => {
    const { host } = anyServer(targets, random);
    for (const connection of targets.cluster.machines.network.connections()) {
      if (connection.client.host === host || connection.serverProcess.host === host) connection.cut();
    }
  },
  slowNetwork: ({ cluster: { machines } }, random) => {
    machines.network.slowUs = random.between(2000, 120_000);
    machines.world.after(random.between(0.2, 3) * second, "the network is fast again", () => {
      machines.network.slowUs = 0;
    });
  },
  stallDisk: (targets, random) => {
    const { disk } = random.chance(0.3)
      ? targets.cluster.master
      : (anyStore(targets, random) ?? targets.cluster.master);
    disk.stallUs = random.between(5000, 600_000);
    targets.cluster.machines.world.after(random.between(0.2, 3) * second, "the disk is fast again", () => {
      disk.stallUs = 0;
    });
  },
  stallMasterDisk: ({ cluster }, random) => {
    const { disk } = cluster.master;
    disk.stallUs = random.between(50_000, 1_500_000);
    cluster.machines.world.after(random.between(0.5, 3) * second, "the disk is fast again", () => {
      disk.stallUs = 0;
    });
  },
  fillDisk: (targets, random) => {
    const disk = anyStore(targets, random)?.disk;
    if (disk === undefined) return;
    disk.isFull = true;
    targets.cluster.machines.world.after(random.between(0.05, 3) * second, "the disk has room", () => {
      disk.isFull = false;
    });
  },
  breakDisk: (targets, random) => {
    const { disk } = random.chance(0.2)
      ? targets.cluster.master
      : (anyStore(targets, random) ?? targets.cluster.master);
    disk.isBroken = true;
    targets.cluster.machines.world.after(random.between(0.01, 0.8) * second, "the disk works again", () => {
      disk.isBroken = false;
    });
  },
  setClock: (targets, random) => {
    const clock = targets.cluster.machines.clock(random.pick(hostsOf(targets)));
    clock.wallOffsetMs = random.between(-120_000, 120_000);
  },
  swapVolume: (targets, random) => {
    const node = anyStore(targets, random);
    if (node === undefined) return;
    node.swapVolume(random.between(0.1, 1) * second);
    targets.cluster.machines.world.after(random.between(1, 5) * second, "the volume is put back", () =>
      node.returnVolume(),
    );
  },
  restoreVolume: (targets, random) => {
    const { cluster } = targets;
    const forUs = random.between(1, 5) * second;
    for (const node of cluster.running()) {
      const confirmed = cluster.master.confirmedVersion(node.storeId);
      if (!node.putCopyBack(confirmed, random.between(0.1, 1) * second)) node.keepCopy();
      else cluster.machines.world.after(forUs, "the volume is put back", () => node.returnVolume());
    }
  },
  fillMasterDisk: ({ cluster }, random) => {
    const { disk } = cluster.master;
    disk.isFull = true;
    cluster.machines.world.after(random.between(0.05, 5) * second, "the disk has room", () => {
      disk.isFull = false;
    });
  },
} satisfies Record<string, Fault>;

/** The kinds of faults. */
export type FaultName = keyof typeof faults;

/** Every kind. */
export const faultNames = Object.keys(faults) as readonly FaultName[];
