import { hostname } from "node:os";
import Docker from "dockerode";
import { EkvError } from "../../../core/errors.js";
import { systemClock } from "../../../runtime/clock.js";
import { systemRandom } from "../../../runtime/random.js";
import type { LauncherContext } from "../context.js";
import type { ContainerSettings } from "./container-plan.js";
import { Engine } from "./engine.js";
import { DockerLauncher } from "./launcher.js";

/** Longest that the engine may say nothing: longer than a stop takes. */
const engineSilenceMsMax = 120_000;
/** By which Compose knows what belongs to a project: `down --remove-orphans` then takes launched stores along. */
const projectLabel = "com.docker.compose.project";

/**
 * Opens a {@link DockerLauncher} on the engine that DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH name, as with the
 * docker command; default: the local socket. The engine is asked when it is needed: without it, a master does the rest.
 */
export function openDockerLauncher({
  values,
  masterAddress,
  clusterId,
  log,
  isMember,
}: LauncherContext): DockerLauncher {
  const docker = connectToEngine();
  const engine = new Engine(docker, addressOf(docker));
  let own: Pick<ContainerSettings, "network" | "labels"> | undefined;
  return new DockerLauncher({
    engine,
    clock: systemClock,
    random: systemRandom,
    log,
    isMember,
    settings: async () => {
      own ??= await lookAround(engine, values.dockerNetwork);
      return {
        clusterId,
        masterAddress,
        image: values.dockerImage,
        memoryBytes: values.dockerMemoryBytes,
        cpuMillis: values.dockerCpuMillis,
        storeArgs: values.storeArgs,
        ...own,
      };
    },
    clusterId,
  });
}

/** Opens no connection yet. Throws FAILED_PRECONDITION when what the environment names is not there. */
function connectToEngine(): Docker {
  try {
    return new Docker({ timeout: engineSilenceMsMax });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EkvError(
      "FAILED_PRECONDITION",
      `DOCKER_HOST and DOCKER_CERT_PATH do not tell how to reach the Docker engine (${reason}): DOCKER_HOST is unix://<path> ` +
        "or tcp://<host>:<port>, and DOCKER_CERT_PATH a folder with ca.pem, cert.pem and key.pem",
      { notExecuted: true, cause },
    );
  }
}

/** The engine's address as an operator wrote it, nearly. */
function addressOf({ modem }: Docker): string {
  const { host, port, socketPath } = modem as unknown as Readonly<Record<string, unknown>>;
  if (typeof host === "string") return `${host}:${String(port)}`;
  return typeof socketPath === "string" ? socketPath : "its local socket";
}

/** The network and labels of the container that the master runs in, whose host name is its id unless it was given one. */
async function lookAround(
  engine: Engine,
  network: string,
): Promise<Pick<ContainerSettings, "network" | "labels">> {
  const found = await engine.inspect(hostname());
  const shared = network !== "" ? network : Object.keys(found?.NetworkSettings.Networks ?? {})[0];
  if (shared === undefined) {
    throw new EkvError(
      "FAILED_PRECONDITION",
      "this master runs in no container of its Docker engine, so name the network that it shares with the stores: " +
        "--docker-network <name>",
      { notExecuted: true },
    );
  }
  const project = found?.Config.Labels[projectLabel];
  if (project === undefined) return { network: shared, labels: {} };
  const labels = { "com.docker.compose.service": "launched-store", "com.docker.compose.oneoff": "False" };
  return { network: shared, labels: { ...labels, [projectLabel]: project } };
}
