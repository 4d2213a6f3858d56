import type { Session } from "../peers/session.js";
import type { Clock, Timer } from "../../services/core/ports/clock.js";
import type { OperationStream } from "../workload/operation-stream.js";
import { call } from "./call.js";
import type { RunningLoad } from "./closed-loop.js";
import type { CallRecorder } from "./recorder.js";

const tickMs = 1;

/**
 * Calls that become due at a fixed rate, whether the earlier ones have ended or not. Latency counts from when a call was
 * due, so that a pause of the peer, or of this process, counts for every call that would have been made in it: no
 * coordinated omission.
 */
export function startOpenLoop(
  sessions: readonly Session[],
  stream: OperationStream,
  callsPerSecond: number,
  recorder: CallRecorder,
  clock: Clock,
): RunningLoad {
  const startedMs = clock.nowMs();
  const pending = new Set<Promise<void>>();
  let made = 0;
  const begin = (dueMs: number): void => {
    stream.advance();
    const { kind } = stream;
    const ended = call(sessions[made % sessions.length] as Session, stream).then(
      () => recorder.succeeded(kind, clock.nowMs() - dueMs),
      (error: unknown) => recorder.failed(error),
    );
    made += 1;
    pending.add(ended);
    void ended.then(() => pending.delete(ended));
  };
  let timer: Timer;
  const tick = (): void => {
    const nowMs = clock.nowMs();
    for (;;) {
      const dueMs = startedMs + (made * 1000) / callsPerSecond;
      if (dueMs > nowMs) break;
      begin(dueMs);
    }
    timer = clock.setTimer(tickMs, tick);
  };
  tick();
  return {
    stop: async () => {
      timer.cancel();
      await Promise.all(pending);
    },
  };
}
