import { limits } from "../core/limits.js";
import { type LogFormat, type LogLevel, logFormats, logLevels } from "../runtime/log.js";
import { address, flag, oneOf, text, textList, wholeNumber } from "../runtime/setting-types.js";
import { type Setting, setting, type SettingsSchema } from "../runtime/settings.js";

/** What each setting of a master holds. */
export interface MasterSettings extends SettingsSchema {
  readonly host: Setting<string>;
  readonly port: Setting<number>;
  readonly advertise: Setting<string>;
  readonly data: Setting<string>;
  readonly create: Setting<boolean>;
  readonly createIfMissing: Setting<boolean>;
  readonly partitions: Setting<number>;
  readonly initialStores: Setting<number>;
  readonly autoJoin: Setting<boolean>;
  readonly placement: Setting<"balanced" | "contiguous">;
  readonly heartbeatIntervalMs: Setting<number>;
  readonly suspectAfterMs: Setting<number>;
  readonly monitorIntervalMs: Setting<number>;
  readonly movesInFlightMax: Setting<number>;
  readonly movesPerStoreMax: Setting<number>;
  readonly handoffsPerStoreMax: Setting<number>;
  readonly moveAttemptsMax: Setting<number>;
  readonly moveRateBytesPerSecond: Setting<number>;
  readonly launcher: Setting<"none" | "process" | "docker" | "kubernetes">;
  readonly launchInitial: Setting<boolean>;
  readonly storeData: Setting<string>;
  readonly storeBasePort: Setting<number>;
  readonly storeArgs: Setting<readonly string[]>;
  readonly kubernetesStatefulSet: Setting<string>;
  readonly kubernetesNamespace: Setting<string>;
  readonly kubernetesConfig: Setting<string>;
  readonly kubernetesWaitMs: Setting<number>;
  readonly dockerImage: Setting<string>;
  readonly dockerNetwork: Setting<string>;
  readonly dockerMemoryBytes: Setting<number>;
  readonly dockerCpuMillis: Setting<number>;
  readonly connectionsMax: Setting<number>;
  readonly watchersMax: Setting<number>;
  readonly logLevel: Setting<LogLevel>;
  readonly logFormat: Setting<LogFormat>;
}

/** The settings of a master. */
export const masterSettings: MasterSettings = {
  host: setting("host", text, "127.0.0.1", "Address to listen on."),
  port: setting("port", wholeNumber(0, 65_535), 7400, "Port to listen on; 0: any free one."),
  advertise: setting(
    "advertise",
    address,
    "",
    "host:port that stores reach it at; empty: host and port, or 127.0.0.1 with --host 0.0.0.0.",
  ),
  data: setting("data", text, "./data/master", "Folder of its metadata."),
  create: setting("create", flag, false, "Create a new cluster; the data folder must hold none."),
  createIfMissing: setting(
    "create-if-missing",
    flag,
    false,
    "Create a new cluster if the data folder holds none; else run the one it holds.",
  ),
  partitions: setting(
    "partitions",
    wholeNumber(limits.partitionCountMin, limits.partitionCountMax).refine(
      (count) => Number.isInteger(Math.log2(count)),
      "give a power of two",
    ),
    limits.partitionCountDefault as number,
    "Partitions of a new cluster: a power of two, fixed for ever.",
  ),
  initialStores: setting(
    "initial-stores",
    wholeNumber(1),
    1,
    "How many stores must have registered before a new ring is shared out.",
  ),
  autoJoin: setting("auto-join", flag, true, "Give a store that registers unasked its share of the ring."),
  placement: setting(
    "placement",
    oneOf("balanced", "contiguous"),
    "balanced",
    "How the ring is shared out: evenly, or as one range a store. Fixed when a cluster is created.",
  ),
  heartbeatIntervalMs: setting(
    "heartbeat-interval-ms",
    wholeNumber(10),
    500,
    "How often stores report, in milliseconds.",
  ),
  suspectAfterMs: setting(
    "suspect-after-ms",
    wholeNumber(50),
    3000,
    "Silence after which a store counts as dead, in milliseconds.",
  ),
  monitorIntervalMs: setting(
    "monitor-interval-ms",
    wholeNumber(10),
    500,
    "How often silence is looked for, in milliseconds.",
  ),
  movesInFlightMax: setting("moves-in-flight-max", wholeNumber(1), 256, "Most partitions moving at once."),
  movesPerStoreMax: setting(
    "moves-per-store-max",
    wholeNumber(1),
    128,
    "Most partitions moving at once from, and to, one store. It sends the data of few of them at a time.",
  ),
  handoffsPerStoreMax: setting(
    "handoffs-per-store-max",
    wholeNumber(1),
    24,
    "Most partitions handed over at once from, and to, one store: their calls wait meanwhile.",
  ),
  moveAttemptsMax: setting(
    "move-attempts-max",
    wholeNumber(1),
    5,
    "How often a move is tried before it fails.",
  ),
  moveRateBytesPerSecond: setting(
    "move-rate-bytes-per-second",
    wholeNumber(0),
    0,
    "Most bytes that one store sends to others in a second; 0: no limit.",
  ),
  launcher: setting(
    "launcher",
    oneOf("none", "process", "docker", "kubernetes"),
    "none",
    "What starts stores: nobody (by hand), this master as processes or Docker containers, or a StatefulSet it scales.",
  ),
  launchInitial: setting(
    "launch-initial",
    flag,
    true,
    "With a launcher: launch the first stores of a new cluster too; false: they come by themselves.",
  ),
  storeData: setting("store-data", text, "./data", "Folder that holds the launched stores' data folders."),
  storeBasePort: setting(
    "store-base-port",
    wholeNumber(0, 65_000),
    7400,
    "store-N listens on this plus N; 0: any free port.",
  ),
  storeArgs: setting(
    "store-args",
    textList,
    [],
    "Settings of launched stores, as a JSON array of arguments.",
  ),
  kubernetesStatefulSet: setting(
    "kubernetes-stateful-set",
    text,
    "store",
    "StatefulSet whose pods are the stores; the pods' names are the stores'.",
  ),
  kubernetesNamespace: setting(
    "kubernetes-namespace",
    text,
    "",
    "Namespace of the StatefulSet; empty: the master's own.",
  ),
  kubernetesConfig: setting(
    "kubernetes-config",
    text,
    "",
    "Path of a kubeconfig; empty: the service account of the master's pod.",
  ),
  kubernetesWaitMs: setting(
    "kubernetes-wait-ms",
    wholeNumber(1000),
    300_000,
    "How long a pod may take to start or to end, in milliseconds.",
  ),
  dockerImage: setting("docker-image", text, "elastic-kv-store", "Image of stores launched by Docker."),
  dockerNetwork: setting(
    "docker-network",
    text,
    "",
    "Network of stores launched by Docker; empty: the one of the master's own container.",
  ),
  dockerMemoryBytes: setting(
    "docker-memory-bytes",
    wholeNumber(67_108_864),
    1_073_741_824,
    "Most memory of a store launched by Docker, in bytes.",
  ),
  dockerCpuMillis: setting(
    "docker-cpu-millis",
    wholeNumber(10),
    1000,
    "Most processor time of a store launched by Docker, in thousandths of a core.",
  ),
  connectionsMax: setting(
    "connections-max",
    wholeNumber(0),
    0,
    "Most connections at once; more are closed. 0: what ulimit -n allows, less a quarter for itself.",
  ),
  watchersMax: setting(
    "watchers-max",
    wholeNumber(1),
    10_000,
    "Most topology watchers at once; more are refused.",
  ),
  logLevel: setting("log-level", oneOf(...logLevels), "info", "error, warn, info or debug."),
  logFormat: setting(
    "log-format",
    oneOf(...logFormats),
    "auto",
    "json, pretty, or auto: pretty in a terminal.",
  ),
};
