import type { Session } from "../peers/session.js";
import type { OperationStream } from "../workload/operation-stream.js";
import { call } from "./call.js";
import type { CallRecorder } from "./recorder.js";

/** Load that is under way. */
export interface RunningLoad {
  /** Makes no further call; resolves when those in flight have ended. */
  stop(): Promise<void>;
}

/** `callsInFlight` workers, spread over the sessions, each of which makes its next call when its last one has ended. */
export function startClosedLoop(
  sessions: readonly Session[],
  stream: OperationStream,
  callsInFlight: number,
  recorder: CallRecorder,
): RunningLoad {
  let stopped = false;
  const work = async (session: Session): Promise<void> => {
    let startedMs = performance.now();
    while (!stopped) {
      stream.advance();
      const { kind } = stream;
      try {
        await call(session, stream);
        const endedMs = performance.now();
        recorder.succeeded(kind, endedMs - startedMs);
        startedMs = endedMs;
      } catch (error) {
        recorder.failed(error);
        startedMs = performance.now();
      }
    }
  };
  const workers = Array.from({ length: callsInFlight }, (_, i) =>
    work(sessions[i % sessions.length] as Session),
  );
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(workers);
    },
  };
}

/** Makes `callsAtOnce` calls in one turn of the event loop, and the next ones when all of them have ended. */
export function startLockstep(
  session: Session,
  stream: OperationStream,
  callsAtOnce: number,
  recorder: CallRecorder,
): RunningLoad {
  let stopped = false;
  const work = async (): Promise<void> => {
    while (!stopped) {
      const startedMs = performance.now();
      const calls = Array.from({ length: callsAtOnce }, () => {
        stream.advance();
        const { kind } = stream;
        return call(session, stream).then(
          () => recorder.succeeded(kind, performance.now() - startedMs),
          (error: unknown) => recorder.failed(error),
        );
      });
      await Promise.all(calls);
    }
  };
  const worker = work();
  return {
    stop: async () => {
      stopped = true;
      await worker;
    },
  };
}
