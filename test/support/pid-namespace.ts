import { spawn, spawnSync } from "node:child_process";
import { type Child, childOf } from "./children.js";

/** With --kill-child the program ends with `unshare`, as a container's does with the container. */
const unshareArguments = ["--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"];

/** Why a test that needs pid namespaces is skipped; false: they can be made. In CI they must be. */
export const noPidNamespace: string | false = (() => {
  const made = spawnSync("unshare", [...unshareArguments, "true"]).status === 0;
  if (!made && process.env["CI"] === "true")
    throw new Error("`unshare --pid` fails, and a CI run skips no test");
  return made ? false : "making a pid namespace takes root and `unshare`";
})();

/** Runs a compiled program in a pid namespace of its own, where its pid is 1, as in a container. */
export function runInPidNamespace(program: string, args: readonly string[]): Child {
  return childOf(
    spawn("unshare", [...unshareArguments, process.execPath, program, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );
}
