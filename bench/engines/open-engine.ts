import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../services/runtime/clock.js";
import { systemRandom } from "../../services/runtime/random.js";
import { program } from "../processes/child.js";
import { openLmdbReference } from "./lmdb-reference.js";
import { measured, type MeasuredEngine } from "./measured-engine.js";

/** Engines of stores, and LMDB with nothing around it. */
export const engineKinds = ["log", "lmdb", "memory", "lmdb-reference"] as const;

/** One of {@link engineKinds}. */
export type EngineKind = (typeof engineKinds)[number];

const modules = {
  log: "services/store/engine/log/disk-log",
  lmdb: "services/store/engine/lmdb",
  memory: "services/store/engine/memory",
};

/** The engines of the build that was compiled to `dist`. Its sources decide: `dist` may hold more than was compiled last. */
export function enginesOf(dist: string): EngineKind[] {
  return engineKinds.filter(
    (kind) => kind === "lmdb-reference" || existsSync(join(dist, "..", `${modules[kind]}.ts`)),
  );
}

/** The engine on which stores of a build keep their data unless they are told otherwise. */
export function defaultEngineOf(dist: string): EngineKind {
  return enginesOf(dist).includes("log") ? "log" : "lmdb";
}

/** What the modules of a build bring, as far as it is used. */
interface EngineModule {
  openDiskLog(options: object): Promise<unknown>;
  openLmdbEngine(options: object): Promise<unknown>;
  openMemoryEngine(options: object): unknown;
}

/** Opens an engine, durable to `commit`, on a folder that is made if it is missing. */
export type OpenEngine = (path: string) => Promise<MeasuredEngine>;

/** Loads the code of an engine of the build in `dist`. */
export async function loadEngine(kind: EngineKind, dist: string): Promise<OpenEngine> {
  const load = async (name: string): Promise<EngineModule> =>
    (await import(program(`${name}.js`, dist))) as EngineModule;
  const options = { durability: "commit", clock: systemClock, random: systemRandom };
  switch (kind) {
    case "log": {
      const { openDiskLog } = await load(modules.log);
      return async (path) => measured(await openDiskLog({ ...options, path }));
    }
    case "lmdb": {
      const { openLmdbEngine } = await load(modules.lmdb);
      return async (path) => measured(await openLmdbEngine({ ...options, path }));
    }
    case "memory": {
      const { openMemoryEngine } = await load(modules.memory);
      return async () => measured(openMemoryEngine(options));
    }
    case "lmdb-reference":
      return async (path) => openLmdbReference(path);
  }
}
