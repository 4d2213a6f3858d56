import type { Session } from "../peers/session.js";
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
): RunningLoad {
  const startedMs = performance.now();
  const pending = new Set<Promise<void>>();
  let made = 0;
  const begin = (dueMs: number): void => {
    stream.advance();
    const { kind } = stream;
    const ended = call(sessions[made % sessions.length] as Session, stream).then(
      () => recorder.succeeded(kind, performance.now() - dueMs),
      (error: unknown) => recorder.failed(error),
    );
    made += 1;
    pending.add(ended);
    void ended.then(() => pending.delete(ended));
  };
  const timer = setInterval(() => {
    const nowMs = performance.now();
    for (;;) {
      const dueMs = startedMs + (made * 1000) / callsPerSecond;
      if (dueMs > nowMs) return;
      begin(dueMs);
    }
  }, tickMs);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(pending);
    },
  };
}
