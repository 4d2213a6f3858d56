import { fileURLToPath } from "node:url";
import { ordinal } from "../../core/master/state/persistence.js";
import type { Launcher } from "../../core/ports/launcher.js";
import { systemClock } from "../../runtime/clock.js";
import { systemRandom } from "../../runtime/random.js";
import type { LauncherContext } from "./context.js";
import { createNoLauncher } from "./none.js";
import { openProcessLauncher } from "./process.js";

/** Opens the launcher that the master's settings name. Rejects with an EkvError that says what to fix. */
export async function openLauncher(context: LauncherContext): Promise<Launcher> {
  switch (context.values.launcher) {
    case "none":
      return createNoLauncher(context);
    case "process":
      return await openLocalProcesses(context);
    case "kubernetes":
      return await openKubernetes(context);
    case "docker":
      // Loaded when it is used: its library takes long.
      return (await import("./docker/open.js")).openDockerLauncher(context);
  }
}

async function openLocalProcesses({ values, masterAddress, log }: LauncherContext): Promise<Launcher> {
  return await openProcessLauncher({
    entry: fileURLToPath(new URL("../../store/main.js", import.meta.url)),
    masterAddress,
    dataRoot: values.storeData,
    host: values.host,
    portFor: (storeId) => {
      const index = ordinal(storeId);
      return values.storeBasePort === 0 || !Number.isInteger(index) ? 0 : values.storeBasePort + index;
    },
    extraArgs: values.storeArgs,
    clock: systemClock,
    random: systemRandom,
    log,
  });
}

/** The client of the Kubernetes API is large: it is loaded where it is used alone. */
async function openKubernetes({ values, log }: LauncherContext): Promise<Launcher> {
  const { readConnection } = await import("./kubernetes/connection.js");
  const { openKubernetesLauncher } = await import("./kubernetes/launcher.js");
  return openKubernetesLauncher({
    connection: readConnection(values.kubernetesConfig, values.kubernetesNamespace),
    statefulSet: values.kubernetesStatefulSet,
    waitMs: values.kubernetesWaitMs,
    clock: systemClock,
    random: systemRandom,
    log,
  });
}
