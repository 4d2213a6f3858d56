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
 * one at once. During the start there is nothing to stop yet: a signal ends the process. An EkvError at start becomes one line
 * on standard error and exit status 2; a bug is printed whole, 1.
 *
 * @param start starts the service; it may call `stopped` when the service is to end by itself, at any time
 */
export async function runMain(start: (stopped: () => void) => Promise<RunningService>): Promise<void> {
  process.on("uncaughtException", (error) => {
    process.stderr.write(`${error.stack ?? String(error)}\n`);
    process.exit(1);
  });
  let running: RunningService | undefined;
  let stopWanted = false;
  let stopping = false;
  let signalled = false;
  const stop = (): void => {
    stopWanted = true;
    if (stopping || !running) return;
    stopping = true;
    running.stop().then(() => process.exit(0), fail);
  };
  const signal = (exitStatus: number): void => {
    // Only a second signal is impatience: the first may meet a service that is already ending by itself.
    if (signalled) process.exit(exitStatus);
    if (!running) process.exit(0);
    signalled = true;
    stop();
  };
  process.on("SIGTERM", () => signal(143));
  process.on("SIGINT", () => signal(130));
  try {
    running = await start(stop);
  } catch (error) {
    fail(error);
  }
  if (stopWanted) stop();
}

function fail(error: unknown): never {
  const known = error instanceof EkvError && error.code !== "INTERNAL";
  const text =
    error instanceof Error ? (known ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`error: ${text}\n`);
  process.exit(known ? exitFix : 1);
}
