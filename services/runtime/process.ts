import { EkvError, InvariantError } from "../core/errors.js";

/** What a running service gives back: how to stop it. */
export interface RunningService {
  /**
   * What comes before the stop when the process is ended for good, by SIGTERM; a SIGINT leaves it out. Default: nothing.
   */
  depart?(): Promise<void>;
  /** When the service has ended by itself, wait for a signal: whoever runs the process would start it again. Default false. */
  readonly lingers?: boolean;
  /** Stops gracefully; resolves when everything is down. */
  stop(): Promise<void>;
}

/** Longest that a timer can be. */
const timerMsMax = 2_147_483_647;
/** Exit status for bad settings and other things the operator must fix. */
const exitFix = 2;

/**
 * Runs a service as this process: the one place for signals and exits. SIGTERM or SIGINT stops it gracefully, a second
 * one at once. During the start there is nothing to stop yet: a signal ends the process. An EkvError at start becomes one line
 * on standard error and exit status 2; a bug is printed whole, 1.
 *
 * Once it runs, what is thrown in a timer, a listener or a callback is printed whole, and the service goes on: one connection
 * or one piece of work is lost, not the server. Only a broken invariant ends it, for what it would do next cannot be trusted; a
 * restart goes on from what is on the disk.
 *
 * @param start starts the service; it may call `stopped` when the service is to end by itself, at any time
 */
export async function runMain(start: (stopped: () => void) => Promise<RunningService>): Promise<void> {
  let running: RunningService | undefined;
  process.on("uncaughtException", (error) => {
    process.stderr.write(`${error.stack ?? String(error)}\n`);
    if (running === undefined || error instanceof InvariantError) process.exit(1);
  });
  // Nobody reads what is said there: that must not be said there.
  process.stderr.on("error", () => undefined);
  let stopWanted = false;
  let stopping = false;
  let signalled = false;
  let ended = false;
  const stop = (): void => {
    stopWanted = true;
    if (stopping || !running) return;
    stopping = true;
    running.stop().then(() => {
      if (signalled || running?.lingers !== true) process.exit(0);
      ended = true;
      setInterval(() => undefined, timerMsMax);
    }, fail);
  };
  const signal = (exitStatus: number, departs: boolean): void => {
    // Only a second signal is impatience: the first may meet a service that is already ending by itself.
    if (signalled) process.exit(exitStatus);
    if (!running || ended) process.exit(0);
    signalled = true;
    if (departs && !stopping && running.depart !== undefined) running.depart().then(stop, fail);
    else stop();
  };
  process.on("SIGTERM", () => signal(143, true));
  process.on("SIGINT", () => signal(130, false));
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
