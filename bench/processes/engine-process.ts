import type { EngineCosts, EngineJob, EngineReads, EngineStart } from "../engines/job.js";
import { type Child, type NodeOptions, startServer } from "./child.js";

type JobOf<K extends EngineJob["kind"]> = Omit<Extract<EngineJob, { readonly kind: K }>, "kind">;

/** What each operation of an engine costs. */
export async function engineCosts(job: JobOf<"costs">, options?: NodeOptions): Promise<EngineCosts> {
  return await resultOf<EngineCosts>(start({ kind: "costs", ...job }, options));
}

/** How long reads wait before and while an engine cleans. */
export async function engineReads(job: JobOf<"reads">, options?: NodeOptions): Promise<EngineReads> {
  return await resultOf<EngineReads>(start({ kind: "reads", ...job }, options));
}

/** What it takes to open an engine: after kill -9, and after it was closed. */
export interface EngineStarts {
  readonly killed: EngineStart;
  readonly clean: EngineStart;
}

/** Fills an engine and kills its process; opens and closes it, and opens it again. */
export async function engineStarts(job: JobOf<"fill">, options?: NodeOptions): Promise<EngineStarts> {
  const filling = start({ kind: "fill", ...job });
  await filling.line(/^filled$/);
  await filling.kill();
  const killed = await resultOf<EngineStart>(start({ kind: "open", ...job }, options));
  const clean = await resultOf<EngineStart>(start({ kind: "open", ...job }, options));
  return { killed, clean };
}

/** With the flags of a store, whose engine it is. */
function start(job: EngineJob, options?: NodeOptions): Child {
  // The program is this build's; the engine may be another's.
  return startServer("bench/engines/main.js", [JSON.stringify(job)], options);
}

async function resultOf<R>(child: Child): Promise<R> {
  return JSON.parse((await child.output).trimEnd().split("\n").at(-1) ?? "") as R;
}
