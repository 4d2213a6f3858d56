import type { ContainerCreateOptions } from "dockerode";
import type { StoreId } from "../../../core/ids.js";
import { limits } from "../../../core/limits.js";

/** Labels by which a cluster's containers and volumes are found, whoever the master is by then. */
export const clusterLabel = "elastic-kv.cluster";
export const storeLabel = "elastic-kv.store";

/** How long a store may take to end before the engine kills it, in seconds. */
export const stopGraceSeconds = 30;

/** How the stores of a cluster are run as containers. */
export interface ContainerSettings {
  readonly clusterId: string;
  /** Image of the stores, which the engine must have. */
  readonly image: string;
  /** Name of the network that master and stores share. */
  readonly network: string;
  /** host:port at which stores on that network reach the master. */
  readonly masterAddress: string;
  /** Most memory of a container, in bytes. */
  readonly memoryBytes: number;
  /** Most processor time of a container, in thousandths of a core. */
  readonly cpuMillis: number;
  /** Further arguments of every store. */
  readonly storeArgs: readonly string[];
  /** Further labels of every container. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Name of a store's container, and of its volume. */
export function resourceName(clusterId: string, storeId: StoreId): string {
  return `ekv-${clusterId}-${storeId}`;
}

/** What marks a store's container and volume as ours. */
export function resourceLabels(clusterId: string, storeId: StoreId): Record<string, string> {
  return { [clusterLabel]: clusterId, [storeLabel]: storeId };
}

/** A store's container: its own volume, the cluster's network, no more rights than it needs. */
export function planContainer(settings: ContainerSettings, storeId: StoreId): ContainerCreateOptions {
  const { clusterId, image, network, masterAddress, memoryBytes, cpuMillis, storeArgs } = settings;
  const name = resourceName(clusterId, storeId);
  return {
    name,
    Image: image,
    Cmd: [...storeArgs],
    Env: [
      `EKV_STORE_ID=${storeId}`,
      `EKV_MASTER=${masterAddress}`,
      // The master takes its container away when it is removed; until then its engine would start it again.
      "EKV_EXIT_WHEN_REMOVED=false",
    ],
    Labels: { ...settings.labels, ...resourceLabels(clusterId, storeId) },
    StopTimeout: stopGraceSeconds,
    HostConfig: {
      NetworkMode: network,
      Mounts: [{ Type: "volume", Source: name, Target: "/data" }],
      RestartPolicy: { Name: "unless-stopped" },
      Init: true,
      ReadonlyRootfs: true,
      Tmpfs: { "/tmp": "" },
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      Memory: memoryBytes,
      NanoCpus: cpuMillis * 1_000_000,
      PidsLimit: limits.containerPidsMax,
    },
  };
}
