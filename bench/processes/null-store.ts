import { type Child, type NodeOptions, startNode } from "./child.js";

/** The null store as a process. */
export interface NullStore {
  readonly address: string;
  readonly process: Child;
}

/** Starts a null store whose values have so many bytes. */
export async function startNullStore(valueBytes: number, options?: NodeOptions): Promise<NullStore> {
  const process = startNode("bench/null-store/main.js", [`${valueBytes}`], options);
  const line = await process.line(/^listening on /);
  return { address: line.slice("listening on ".length), process };
}
