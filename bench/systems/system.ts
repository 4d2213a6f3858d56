import type { Subject } from "../contest.js";

/** How a system is started and filled. */
export interface SystemOptions {
  /** An empty folder for its data. */
  readonly folder: string;
  readonly keys: number;
  readonly valueBytes: number;
  readonly seed: number;
  /** Stores or nodes. */
  readonly nodes: number;
  readonly profileFolder: string | undefined;
  /** For progress. */
  note(text: string): void;
}

/** A running system, filled, with the clients that it is measured through. */
export interface System {
  readonly subjects: readonly Subject[];
  stop(): Promise<void>;
}

/** Why a system takes no part: it is not installed, and this is how to. */
export interface MissingSystem {
  readonly missing: string;
}

/** Starts a system and fills it. */
export type StartSystem = (options: SystemOptions) => Promise<System | MissingSystem>;

/** Systems that run side by side. */
export interface RunningSystems extends System {
  /** What takes no part, and why. */
  readonly missing: readonly string[];
}

/** Starts several; stops those that run when one fails. */
export async function startSystems(
  starts: readonly StartSystem[],
  options: SystemOptions,
): Promise<RunningSystems> {
  const systems: System[] = [];
  const missing: string[] = [];
  const stop = async (): Promise<void> => {
    for (const system of systems) await system.stop();
  };
  try {
    for (const start of starts) {
      const system = await start(options);
      if ("missing" in system) missing.push(system.missing);
      else systems.push(system);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  for (const text of missing) options.note(text);
  return { subjects: systems.flatMap((system) => system.subjects), missing, stop };
}
