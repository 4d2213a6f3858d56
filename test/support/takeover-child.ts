import { join } from "node:path";
import type { StorageEngine } from "../../services/core/ports/storage-engine.js";
import { systemClock } from "../../services/runtime/clock.js";
import { createLogger } from "../../services/runtime/log.js";
import { systemRandom } from "../../services/runtime/random.js";
import { openDiskLog } from "../../services/store/engine/log/disk-log.js";
import { takeOver } from "../../services/store/engine/takeover/takeover.js";
import { formerFolderName, logFolderName, recordDataSettings } from "../../services/store/folder-settings.js";

// Takes a folder over and kills itself on the way: before or after its n-th commit, or after another step.
const [folder = "", step = "", count = "0"] = process.argv.slice(2);

function die(): never {
  process.kill(process.pid, "SIGKILL");
  for (;;); // The signal comes at once, but not within this call.
}

function dieAt(name: string, now = 0): void {
  if (step === name && Number(count) === now) die();
}

const logPath = join(folder, logFolderName);
const engine = await openDiskLog({
  path: logPath,
  durability: "commit",
  clock: systemClock,
  random: systemRandom,
});
let commits = 0;
const observed = new Proxy(engine, {
  get: (target, name) => {
    const value: unknown = Reflect.get(target, name);
    if (typeof value !== "function") return value;
    if (name === "flush") return () => target.flush().then(() => dieAt("flushed"));
    if (name !== "commit") return value.bind(target) as unknown;
    return async (batch: Parameters<StorageEngine["commit"]>[0]) => {
      commits += 1;
      dieAt("before-commit", commits);
      const isLast = batch.length === 1 && batch[0]?.kind === "meta" && batch[0].value === undefined;
      if (isLast) dieAt("removed");
      await target.commit(batch);
      dieAt("after-commit", commits);
    };
  },
});
await takeOver({
  engine: observed,
  logPath,
  formerPath: join(folder, formerFolderName),
  diskReserveBytes: 0,
  recordSettings: () =>
    recordDataSettings(folder, { engine: "log", durability: "commit" }).then(() => dieAt("recorded")),
  clock: systemClock,
  log: createLogger({ service: "takeover", level: "info", format: "json" }),
});
await engine.close();
