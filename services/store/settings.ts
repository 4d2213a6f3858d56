import type { z } from "zod";
import { type EngineName, engineViolation } from "../core/data-settings.js";
import { isStoreId } from "../core/ids.js";
import { limits } from "../core/limits.js";
import { type LogFormat, type LogLevel, logFormats, logLevels } from "../runtime/log.js";
import { addresses, autoOrAddress, flag, oneOf, text, wholeNumber } from "../runtime/setting-types.js";
import { requiredSetting, type Setting, setting, type SettingsSchema } from "../runtime/settings.js";

/** What each setting of a store holds. */
export interface StoreSettings extends SettingsSchema {
  readonly storeId: Setting<string>;
  readonly masters: Setting<readonly string[]>;
  readonly host: Setting<string>;
  readonly port: Setting<number>;
  readonly advertise: Setting<string>;
  readonly data: Setting<string>;
  readonly engine: Setting<EngineName>;
  readonly durability: Setting<"commit" | "fsync">;
  readonly valueBytesMax: Setting<number>;
  readonly memoryBytesMax: Setting<number>;
  readonly acceptDataLoss: Setting<boolean>;
  readonly weight: Setting<number>;
  readonly connectionsMax: Setting<number>;
  readonly streamsMax: Setting<number>;
  readonly callsInFlightMax: Setting<number>;
  readonly parkMs: Setting<number>;
  readonly parkedCallsMax: Setting<number>;
  readonly shutdownGraceMs: Setting<number>;
  readonly drainOnStop: Setting<boolean>;
  readonly drainMs: Setting<number>;
  readonly exitWhenRemoved: Setting<boolean>;
  readonly logLevel: Setting<LogLevel>;
  readonly logFormat: Setting<LogFormat>;
}

const storeIdText = text.refine(
  (name) => isStoreId(name.replace("#", "1000")),
  "give 1 to 63 characters of a-z, 0-9 and '-', not beginning or ending with '-'; one # stands for a number",
);

const engineName = text.superRefine((name, context) => {
  const message = engineViolation(name);
  if (message !== undefined) context.addIssue({ code: "custom", message });
}) as unknown as z.ZodType<EngineName>;

/** The settings of a store. */
export const storeSettings: StoreSettings = {
  storeId: requiredSetting(
    "store-id",
    storeIdText,
    "This store's name, for ever. With a #, like node-#: the lowest number whose folder in --data nobody uses.",
  ),
  masters: requiredSetting("master", addresses, "host:port of the master, or several with commas between."),
  host: setting("host", text, "127.0.0.1", "Address to listen on."),
  port: setting("port", wholeNumber(0, 65_535), 0, "Port to listen on; 0: any free one."),
  advertise: setting(
    "advertise",
    autoOrAddress,
    "",
    "host:port that others reach it at; empty: host and port; auto, or empty with host 0.0.0.0: found out.",
  ),
  data: setting(
    "data",
    text,
    "",
    "Folder of its data; empty: ./data/<store-id>. With a # in --store-id: of all their folders; empty: ./data.",
  ),
  engine: setting(
    "engine",
    engineName,
    "log",
    "log: on disk, with as much as fits in memory; memory: gone when the process ends. Fixed by the data in the folder.",
  ),
  durability: setting(
    "durability",
    oneOf("commit", "fsync"),
    "commit",
    "What an acknowledged write survives: a crash of the process, or a power loss too (slower). Never lower than before.",
  ),
  valueBytesMax: setting(
    "value-bytes-max",
    wholeNumber(1, limits.valueBytesCeiling),
    limits.valueBytesMax as number,
    "Longest value, in bytes. The same at every store.",
  ),
  memoryBytesMax: setting(
    "memory-bytes-max",
    wholeNumber(0),
    0,
    "Most bytes of data and index in memory. Beyond it, engine log reads from disk; engine memory refuses writes. 0: half of the memory, 1 GiB at most.",
  ),
  acceptDataLoss: setting(
    "accept-data-loss",
    flag,
    false,
    "Come back under this name although the data is gone or older than it was: partitions that the folder lacks start empty.",
  ),
  weight: setting("weight", wholeNumber(1, 1000), 1, "Share of the ring relative to other stores."),
  connectionsMax: setting(
    "connections-max",
    wholeNumber(0),
    0,
    "Most connections at once; more are closed. 0: what ulimit -n allows, less a quarter for itself.",
  ),
  streamsMax: setting(
    "streams-max",
    wholeNumber(1),
    1024,
    "Most client pipelines open at once; more are refused.",
  ),
  callsInFlightMax: setting(
    "calls-in-flight-max",
    wholeNumber(1),
    65_536,
    "Most unanswered calls of one pipeline; more are refused.",
  ),
  parkMs: setting(
    "park-ms-max",
    wholeNumber(0),
    10_000,
    "Longest that a call waits for a hand-off, in milliseconds.",
  ),
  parkedCallsMax: setting(
    "parked-calls-max",
    wholeNumber(1),
    100_000,
    "Most calls that wait for one partition.",
  ),
  shutdownGraceMs: setting(
    "shutdown-grace-ms",
    wholeNumber(0),
    10_000,
    "How long calls in flight may take when it stops, in milliseconds; then every connection is cut.",
  ),
  drainOnStop: setting(
    "drain-on-stop",
    flag,
    false,
    "At SIGTERM, hand all data to the other stores and leave the cluster before ending; SIGINT just ends it.",
  ),
  drainMs: setting(
    "drain-ms-max",
    wholeNumber(0),
    120_000,
    "Longest that this may take, in milliseconds; then the store ends with its data.",
  ),
  exitWhenRemoved: setting(
    "exit-when-removed",
    flag,
    true,
    "End the process when the store has been removed; false: wait for a signal, where ended processes are restarted.",
  ),
  logLevel: setting("log-level", oneOf(...logLevels), "info", "error, warn, info or debug."),
  logFormat: setting(
    "log-format",
    oneOf(...logFormats),
    "auto",
    "json, pretty, or auto: pretty in a terminal.",
  ),
};
