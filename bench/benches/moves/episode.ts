import { setTimeout as delay } from "node:timers/promises";
import type { WatchResult } from "../../load/job.js";
import { startWatch } from "../../processes/load-process.js";
import { readUpdateMix } from "../../workload/workload.js";
import type { MoveFigures, Resizing } from "./resizing.js";

/** One growth by one member, with what clients saw of it if there were any. */
export interface Episode {
  readonly system: string;
  readonly moved: MoveFigures;
  readonly seen: WatchResult | undefined;
}

/** The load in the foreground. */
export interface Foreground {
  readonly keys: number;
  readonly valueBytes: number;
  readonly callsInFlight: number;
  readonly reads: number;
  /** How long it is watched before and after. */
  readonly calmMs: number;
  readonly seed: number;
}

const warmUpMs = 2000;
const windowMs = 100;

/** Grows a cluster that nobody uses, and shrinks it again. */
export async function idleEpisode(resizing: Resizing): Promise<Episode> {
  await resizing.prepare();
  const moved = await resizing.grow(() => undefined);
  await resizing.shrink();
  return { system: resizing.name, moved, seen: undefined };
}

/** Grows a cluster under load, and shrinks it again without. */
export async function loadedEpisode(resizing: Resizing, foreground: Foreground): Promise<Episode> {
  const { keys, valueBytes, callsInFlight, seed, calmMs } = foreground;
  await resizing.prepare();
  const watch = await startWatch({
    ...{ kind: "watch", peer: resizing.peer, callsInFlight, seed, warmUpMs, windowMs },
    workload: readUpdateMix(foreground.reads, keys, valueBytes),
  });
  watch.mark("before");
  await delay(calmMs);
  watch.mark("start");
  const moved = await resizing.grow(() => watch.mark("moving"));
  watch.mark("after");
  await delay(calmMs);
  const seen = await watch.end();
  await resizing.shrink();
  return { system: resizing.name, moved, seen };
}
