import { EkvError } from "../core/errors.js";

/** What a running service gives back: how to stop it. */
export interface RunningService {
  /** Stops gracefully; resolves when everything is down. */
  stop(): Promise<void>;
}

/** Exit status for bad settings and other things the operator must fix. */
const exitFix = 2;

/**
 * Runs a service as this process: the one place for signals and exits. SIGTERM or SIGINT stops it gracefully, a second
 * one at once. An EkvError at start becomes one line on standard error and exit status 2; a bug is printed whole, 1.
 */
export async function runMain(start: (stopped: () => void) => Promise<RunningService>): Promise<void> {
  process.on("uncaughtException", (error) => {
    process.stderr.write(`${error.stack ?? String(error)}\n`);
    process.exit(1);
  });
  let stopping = false;
  let running: RunningService | undefined;
  const stop = (exitStatus: number): void => {
    if (stopping) process.exit(exitStatus);
    stopping = true;
    const finish = async (): Promise<void> => {
      await running?.stop();
      process.exit(0);
    };
    finish().catch((error: unknown) => fail(error));
  };
  process.on("SIGTERM", () => stop(143));
  process.on("SIGINT", () => stop(130));
  try {
    running = await start(() => stop(0));
  } catch (error) {
    fail(error);
  }
}

function fail(error: unknown): never {
  const known = error instanceof EkvError && error.code !== "INTERNAL";
  const text =
    error instanceof Error ? (known ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`error: ${text}\n`);
  process.exit(known ? exitFix : 1);
}
