import { type Child, type NodeOptions, startNode } from "./child.js";

/** A server that does nothing but answer: what a transport can do at best. */
export interface Limit {
  /** host:port. */
  readonly address: string;
  readonly process: Child;
}

/** Our pipeline, a gRPC server with nothing else in it, or a TCP socket. */
export type LimitKind = "null-store" | "bare-server" | "echo-server";

/** Starts a limit whose values have so many bytes. */
export async function startLimit(kind: LimitKind, valueBytes: number, options?: NodeOptions): Promise<Limit> {
  const process = startNode(`bench/limits/${kind}/main.js`, [`${valueBytes}`], options);
  const line = await process.line(/^listening on /);
  return { address: line.slice("listening on ".length), process };
}
