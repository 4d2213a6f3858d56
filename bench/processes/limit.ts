import { type Child, type NodeOptions, startServer } from "./child.js";

/** A server that does little but answer: what a transport can do at best. */
export interface Limit {
  /** host:port. */
  readonly address: string;
  readonly process: Child;
}

/** Our pipeline, one with LMDB alone behind it, a gRPC server with nothing else in it, or a TCP socket. */
export type LimitKind = "null-store" | "bare-pipeline" | "bare-server" | "echo-server";

/** Starts a limit whose values have so many bytes; `folder` is for the data, if it has any. */
export async function startLimit(
  kind: LimitKind,
  valueBytes: number,
  options?: NodeOptions,
  folder = "",
): Promise<Limit> {
  const process = startServer(`bench/limits/${kind}/main.js`, [`${valueBytes}`, folder], options);
  const line = await process.line(/^listening on /);
  return { address: line.slice("listening on ".length), process };
}
