/** A process under runMain whose start, stop and own end are told by its arguments. */
import { EventEmitter } from "node:events";
import { assertInvariant, EkvError } from "../../services/core/errors.js";
import { repeat } from "../../services/core/repeat.js";
import { systemClock } from "../../services/runtime/clock.js";
import { runMain, type RunningService } from "../../services/runtime/process.js";

const mode = process.argv[2];

/** In a repeated timer, at the end of a turn, in a listener, and in a promise that nobody waits for; then says so. */
function throwEverywhere(): void {
  const fail = (where: string): never => {
    throw new Error(`thrown in ${where}`);
  };
  let runs = 0;
  repeat(systemClock, 1, () => {
    runs += 1;
    if (runs === 3) console.log("went on");
    if (runs < 3) fail("a timer");
  });
  systemClock.endOfTurn(() => fail("a turn"));
  const emitter = new EventEmitter();
  emitter.on("event", () => fail("a listener"));
  process.nextTick(() => emitter.emit("event"));
  void Promise.reject(new Error("thrown in a promise"));
}

await runMain(async (stopped): Promise<RunningService> => {
  if (mode === "refused") throw new EkvError("FAILED_PRECONDITION", "the port is taken: choose another");
  if (mode === "bug") throw new TypeError("no such property");
  if (mode === "ends-while-starting") stopped();
  // Keeps the process alive, as a server does.
  const alive = setInterval(() => undefined, 1000);
  if (mode === "starts-for-ever") {
    console.log("starting");
    await new Promise(() => undefined);
  }
  console.log("running");
  // Behind the listener of runMain: written only if that one let the process live.
  process.on("SIGTERM", () => console.log("signalled"));
  if (mode === "ends-by-itself") setImmediate(stopped);
  if (mode === "throws") throwEverywhere();
  if (mode === "breaks-an-invariant") setImmediate(() => assertInvariant(false, "two owners"));
  return {
    stop: async () => {
      console.log("stopping");
      // Until told over standard input, so that a test decides what happens first.
      if (mode !== "ends-while-starting") await new Promise((resolve) => process.stdin.once("data", resolve));
      clearInterval(alive);
      console.log("stopped");
    },
  };
});
