import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { isRunning } from "../../services/runtime/process-identity.js";
import { compiled, runNode, type Child } from "../support/children.js";
import { freeBasePort } from "../support/free-ports.js";
import { waitFor } from "../support/wait-for.js";

const program = compiled("../../cli/main.js");
const storeIds = ["store-1", "store-2"] as const;
/** Every write to it fails with ENOSPC. */
const fullDevice = "/dev/full";

interface Identity {
  readonly pid: number;
  readonly startTime: string;
}

/** What `ekv up` and its launcher recorded of the processes they started. */
async function serversOf(data: string): Promise<Identity[]> {
  const records = [join(data, "up.json"), ...storeIds.map((id) => join(data, id, "process.json"))];
  return await Promise.all(records.map(async (path) => JSON.parse(await readFile(path, "utf8")) as Identity));
}

/** Fails when a server still runs, and ends it: a failed test leaves nothing behind either. */
function requireStopped(servers: readonly Identity[]): void {
  assert.equal(servers.length, 3);
  const left = servers.filter(({ pid, startTime }) => isRunning(pid, startTime));
  for (const { pid } of left) process.kill(pid, "SIGKILL");
  assert.deepEqual(left, [], "servers left behind");
}

describe("output that breaks", () => {
  let folder = "";

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "ekv-output-"));
  });

  after(() => rm(folder, { recursive: true }));

  const upArgs = async (name: string): Promise<string[]> => {
    const port = String(await freeBasePort());
    return ["up", "--data", join(folder, name), "--port", port, "--stores", "2", "--partitions", "16"];
  };

  test("`ekv up` names seeds that outlive its master; an interrupt when its reader has gone stops every server", async () => {
    const args = await upArgs("piped");
    const child = spawn(process.execPath, [program, ...args]);
    child.stdout.setEncoding("utf8");
    let text = "";
    child.stdout.on("data", (chunk: string) => {
      text += chunk;
    });
    await waitFor("the cluster to be up", () => text.includes("Ctrl-C stops everything"), 120_000, 20);
    const port = Number(args[args.indexOf("--port") + 1]);
    const seeds = [port, port + 1, port + 2].map((each) => `127.0.0.1:${each}`);
    assert.ok(text.includes(`export EKV_SEEDS=${seeds.join(",")}\n`), text);
    const servers = await serversOf(join(folder, "piped"));
    // As Ctrl-C does to `ekv up 2>&1 | tee log`: the reader ends first.
    child.stdout.destroy();
    child.stderr.destroy();
    const ended = once(child, "exit");
    child.kill("SIGINT");
    assert.deepEqual(await ended, [0, null]);
    requireStopped(servers);
  });

  test("`ekv up` that cannot say that it is up ends with the reason, and stops every server", async () => {
    const output = openSync(fullDevice, "w");
    const child = spawn(process.execPath, [program, ...(await upArgs("full"))], {
      stdio: ["ignore", output, "pipe"],
    });
    closeSync(output);
    let stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const closed = once(child, "close");
    const servers = await waitFor(
      "the servers to be recorded",
      () => serversOf(join(folder, "full")).catch(() => undefined),
      120_000,
    );
    assert.deepEqual(await closed, [1, null]);
    assert.match(stderr, /^ekv: the output is incomplete: no space left on the device$/m);
    requireStopped(servers);
  });

  describe("of commands", () => {
    let cluster: Child | undefined;
    let seeds = "";

    before(async () => {
      const args = await upArgs("cluster");
      seeds = `127.0.0.1:${args[args.indexOf("--port") + 1]}`;
      cluster = runNode(program, [...args, "--json"]);
      await cluster.line("{");
      assert.deepEqual(await onDevice(["put", "a", "1"], "/dev/null"), { code: 0, stderr: "" });
    });

    after(async () => {
      cluster?.process.kill("SIGINT");
      await cluster?.ended;
    });

    const onDevice = async (
      args: readonly string[],
      path: string,
    ): Promise<{ code: number | null; stderr: string }> => {
      const output = openSync(path, "w");
      const child = spawn(process.execPath, [program, ...args, "--seeds", seeds], {
        stdio: ["ignore", output, "pipe"],
      });
      closeSync(output);
      let stderr = "";
      child.stderr?.on("data", (chunk: Buffer) => {
        stderr += chunk.toString();
      });
      const [code] = (await once(child, "close")) as [number | null];
      return { code, stderr };
    };

    test("a full disk is an error in words, whatever the command", async () => {
      for (const args of [
        ["get", "a"],
        ["put", "b", "2"],
        ["scan"],
        ["export", "-"],
        ["stores"],
        ["status"],
        ["ping", "-n", "1"],
        ["completion", "bash"],
        ["--help"],
      ]) {
        const { code, stderr } = await onDevice(args, fullDevice);
        assert.equal(code, 1, args.join(" "));
        assert.equal(stderr, "ekv: the output is incomplete: no space left on the device\n", args.join(" "));
      }
      const { code, stderr } = await onDevice(["scan", "--json"], fullDevice);
      assert.equal(code, 1);
      assert.equal((JSON.parse(stderr) as { error: { code: string } }).error.code, "ENOSPC");
    });

    test("a disk that fills up in the middle of a value is an error too", async () => {
      const [value, copy] = [join(folder, "value"), join(folder, "copy")];
      await writeFile(value, Buffer.alloc(1_048_576, 1));
      assert.equal((await onDevice(["put", "large", "--file", value], "/dev/null")).code, 0);
      // The limit of file sizes takes the first part of the value, as a disk that fills up does.
      const { stderr, code } = await promisify(execFile)("sh", [
        "-c",
        'ulimit -f 512 && "$0" "$@"; echo "status $?"',
        ...["sh", "-c", `exec "$0" "$@" > ${copy}`],
        ...[process.execPath, program, "get", "large", "--seeds", seeds],
      ]).then(({ stdout, stderr: text }) => ({ code: stdout, stderr: text }));
      assert.equal(stderr, "ekv: the output is incomplete: the file would be too large\n");
      assert.equal(code, "status 1\n");
    });

    test("an export to a named pipe goes through it and does not replace it", async () => {
      const path = join(folder, "pipe");
      await promisify(execFile)("mkfifo", [path]);
      const [exported, read] = await Promise.all([
        onDevice(["export", path, "--prefix", "a"], "/dev/null"),
        readFile(path, "utf8"),
      ]);
      assert.deepEqual(exported, { code: 0, stderr: "" });
      assert.equal(read, '{"key":"a","value":"1"}\n');
      assert.ok((await stat(path)).isFIFO());
    });
  });
});
