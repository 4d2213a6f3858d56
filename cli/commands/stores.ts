import type { StoreInfo } from "../../services/gen/elastickv/v1/master.js";
import { writeJson, type CommandContext } from "../context.js";
import { exitCodes, type ExitCode } from "../exit-codes.js";
import { storeStateName } from "../operation-view.js";
import { paletteFor, type Palette } from "../output.js";
import { formatBytes, formatCount, formatDuration, formatShort } from "../quantities.js";
import { lossLines, problemLines } from "../store-notes.js";
import { formatTable } from "../table.js";

/** `ekv stores`: the KVStoreMap as a table. */
export async function stores(context: CommandContext): Promise<ExitCode> {
  const admin = await context.session.admin();
  const response = await admin.listStores({}, { deadlineMs: context.timeoutMs, signal: context.signal });
  if (context.json) {
    await writeJson(context, {
      stores: response.stores.map((store) => ({ ...store, state: storeStateName(store.state) })),
    });
    return exitCodes.ok;
  }
  if (response.stores.length === 0) {
    await context.stdout.write("There is no store yet. Add one: ekv add-store\n");
    return exitCodes.ok;
  }
  const palette = paletteFor(context.stdout);
  const problems = response.stores.flatMap(({ storeId, problems: texts }) =>
    texts.map((problem) => ({ storeId, problem })),
  );
  const losses = response.stores.flatMap(({ dataLoss }) => dataLoss ?? []);
  const notes = [
    ...problemLines(problems).map((line) => palette.bad(line)),
    ...lossLines(losses, Date.now()),
  ];
  await context.stdout.write(formatStores(response.stores, Date.now(), palette));
  if (notes.length > 0) await context.stdout.write(`\n${notes.join("\n")}\n`);
  return exitCodes.ok;
}

/** The table of `ekv stores`; `wallMs` is now, for the age of heartbeats. */
export function formatStores(list: readonly StoreInfo[], wallMs: number, palette: Palette): string {
  const columns = [
    { title: "STORE" },
    { title: "STATE" },
    { title: "ADDRESS" },
    { title: "PARTITIONS", numeric: true },
    { title: "KEYS", numeric: true },
    { title: "BYTES", numeric: true },
    { title: "READS/S", numeric: true },
    { title: "WRITES/S", numeric: true },
    { title: "HEARTBEAT", numeric: true },
  ] as const;
  const rows = list.map((store) => [
    store.storeId,
    store.alive ? palette.good(storeStateName(store.state)) : palette.bad("down"),
    `${store.ip}:${store.clientPort}`,
    formatCount(store.partitions),
    formatCount(store.keyNum),
    formatBytes(store.load?.bytes ?? 0),
    formatShort(store.load?.readsPerSecond ?? 0),
    formatShort(store.load?.writesPerSecond ?? 0),
    store.lastHeartbeatMs === 0
      ? "never"
      : `${formatDuration(Math.max(0, wallMs - store.lastHeartbeatMs))} ago`,
  ]);
  return formatTable(columns, rows, palette);
}
