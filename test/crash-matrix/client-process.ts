import { spawn } from "node:child_process";
import { type Child, childOf, compiled } from "../support/children.js";
import type { CallEvent, CallRecorder } from "./history.js";
import type { LoadShape } from "./load.js";

/** What a client's process is told. */
export type ClientOrder = { readonly kind: "start"; readonly shape: LoadShape } | { readonly kind: "stop" };

/** What it tells. */
export type ClientMessage = CallEvent | { readonly kind: "stopped" };

const program = compiled("../crash-matrix/load-child.js");

/** A client in a process of its own, which makes one load after the other. */
export interface ClientProcess extends Child {
  /** Begins a load. */
  load(shape: LoadShape, record: CallRecorder): void;
  /** Ends the load; resolves when every call of it was answered, or the process has ended. */
  rest(): Promise<void>;
}

/** Starts a client's process, connected to the cluster by `seeds`. */
export function startClientProcess(seeds: readonly string[]): ClientProcess {
  const started = spawn(process.execPath, [program, seeds.join()], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  const child = childOf(started);
  started.stdin.on("error", () => undefined); // Of a process that was killed.
  let record: CallRecorder = () => undefined;
  let stopped: () => void = () => undefined;
  let unfinished = "";
  started.stdout.on("data", (data: Buffer) => {
    const lines = (unfinished + data.toString()).split("\n");
    // What the process's end cut off was not told: a call not made, or an answer not seen.
    unfinished = lines.pop() ?? "";
    for (const line of lines) {
      const message = JSON.parse(line) as ClientMessage;
      if (message.kind === "stopped") stopped();
      else record(message);
    }
  });
  const order = (what: ClientOrder): void => void started.stdin.write(`${JSON.stringify(what)}\n`);
  return {
    ...child,
    load: (shape, recorder) => {
      record = recorder;
      order({ kind: "start", shape });
    },
    rest: async () => {
      const answered = new Promise<void>((resolve) => {
        stopped = resolve;
      });
      order({ kind: "stop" });
      await Promise.race([answered, child.ended]);
    },
  };
}
