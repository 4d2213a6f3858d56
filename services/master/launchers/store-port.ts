import { createServer } from "node:net";
import { EkvError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";

/** The port that a server can listen on now at `port`, or any for 0; undefined: another server is there. */
async function portToListenOn(host: string, port: number): Promise<number | undefined> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, exclusive: true }, resolve);
    });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return undefined;
    const reason = error instanceof Error ? error.message : String(error);
    throw new EkvError(
      "FAILED_PRECONDITION",
      `a store cannot listen on ${host}:${port}: ${reason}; choose another host or port`,
      { notExecuted: true, cause: error },
    );
  }
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" ? address?.port : undefined;
}

/**
 * The port for a store: `wanted`, or the next one above it that is free and not `reserved`. Rejects with
 * `FAILED_PRECONDITION` when none of `limits.portsTriedMax` is.
 *
 * @param wanted 0: any that is free
 */
export async function findStorePort(
  host: string,
  wanted: number,
  reserved: () => ReadonlySet<number>,
): Promise<number> {
  const last = wanted === 0 ? 0 : Math.min(wanted + limits.portsTriedMax - 1, 65_535);
  for (let port = wanted; port <= last; port += 1) {
    const found = await portToListenOn(host, port);
    if (found !== undefined && !reserved().has(found)) return found;
  }
  throw new EkvError(
    "FAILED_PRECONDITION",
    `a store cannot listen on ${host}: ports ${wanted} to ${last} are in use; free one of them`,
    { notExecuted: true },
  );
}
