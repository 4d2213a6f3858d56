import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import Docker from "dockerode";

const run = promisify(execFile);

/** Why the tests on a Docker engine cannot run here; false: they can. Set by scripts/test-docker.sh. */
export const skipped: string | false =
  process.env["EKV_TEST_SKIP"] ??
  (process.env["EKV_TEST_TAG"] === undefined ? "run it by npm run test:docker" : false);

/** The images under test. */
export const images = {
  master: `elastic-kv-master:${process.env["EKV_TEST_TAG"] ?? ""}`,
  store: `elastic-kv-store:${process.env["EKV_TEST_TAG"] ?? ""}`,
} as const;

/** Folder of the engine that was started for the tests; empty: it was there before, and is not ours to restart. */
export const engineFolder: string = process.env["EKV_TEST_ENGINE"] ?? "";

export const docker: Docker = new Docker();

/** Path of the engine's socket. */
export const engineSocket: string = (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").replace(
  "unix://",
  "",
);

/** How the engine is reached by TLS, if it was started for the tests; see scripts/engine.sh. */
export function engineByTls(): { readonly host: string; readonly port: number; readonly folder: string } {
  const folder = join(engineFolder, "tls");
  return { host: "127.0.0.1", port: Number(readFileSync(join(folder, "port"), "utf8")), folder };
}

/** Makes an authority, and certificates of it, in a folder: ca.pem, cert.pem and key.pem, server-cert.pem and server-key.pem. */
export async function makeCertificates(folder: string): Promise<void> {
  await run("scripts/engine.sh", ["certificates", folder]);
}

/** Stops the engine, which stops every container in an orderly way, and starts it again. */
export async function restartEngine(): Promise<void> {
  await run("scripts/engine.sh", ["stop", engineFolder]);
  await run("scripts/engine.sh", ["start", engineFolder]);
}

/** Everything on the engine that a test could leave there: `container x`, `volume y`, `network z`. */
export async function inventory(): Promise<string[]> {
  const [containers, { Volumes: volumes }, networks] = await Promise.all([
    docker.listContainers({ all: true }),
    docker.listVolumes(),
    docker.listNetworks(),
  ]);
  return [
    ...containers.map(({ Names }) => `container ${Names[0] ?? ""}`),
    ...volumes.map(({ Name }) => `volume ${Name}`),
    ...networks.map(({ Name }) => `network ${Name}`),
  ].sort();
}

/** A Compose to test with, as scripts/test-docker.sh found it. */
export interface ComposeCommand {
  readonly version: string;
  /** The program, and what comes before its own arguments. */
  readonly words: readonly string[];
}

/** Every Compose to test with. Empty where the tests are skipped. */
export const composeCommands: readonly ComposeCommand[] = (process.env["EKV_TEST_COMPOSES"] ?? "")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => {
    const [version = "", command = ""] = line.split("=");
    return { version, words: command.split(" ") };
  });

/** A Compose command in a project of its own. */
export class ComposeProject {
  readonly name: string;
  readonly #command: ComposeCommand;
  readonly #files: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;

  constructor(
    command: ComposeCommand,
    name: string,
    files: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) {
    this.#command = command;
    this.name = name;
    this.#files = files.flatMap((file) => ["--file", file]);
    this.#environment = { ...process.env, ...environment };
  }

  /** Returns what it printed. Rejects, with that, when its status is not 0. */
  async run(...args: readonly string[]): Promise<string> {
    const [command = "", ...first] = this.#command.words;
    const given = [...first, "--project-name", this.name, ...this.#files, ...args];
    const { stdout, stderr } = await run(command, given, { env: this.#environment, timeout: 300_000 });
    return stdout + stderr;
  }

  /** The containers of a service, or of what the master launched (`launched-store`), by name. */
  async containers(service: string): Promise<Docker.ContainerInfo[]> {
    const label = [`com.docker.compose.project=${this.name}`, `com.docker.compose.service=${service}`];
    return await docker.listContainers({ all: true, filters: { label } });
  }
}

/** kill -9 of what runs in a container, from within: unlike `docker kill`, the engine's restart policy applies. */
export async function crash(containerId: string): Promise<void> {
  const script =
    'for (const pid of require("fs").readdirSync("/proc").filter((n) => n > 1 && n != process.pid)) process.kill(pid, 9)';
  const exec = await docker
    .getContainer(containerId)
    .exec({ Cmd: ["/usr/local/bin/node", "-e", script], AttachStdout: false, AttachStderr: false });
  const output = await exec.start({ Detach: true });
  // Unread, it would hold the connection open.
  output.destroy();
}
