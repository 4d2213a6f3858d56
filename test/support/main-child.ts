/** A process under runMain whose start, stop and own end are told by its arguments. */
import { EkvError } from "../../services/core/errors.js";
import { runMain, type RunningService } from "../../services/runtime/process.js";

const mode = process.argv[2];

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
