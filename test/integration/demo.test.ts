import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Report } from "../../examples/demo/report.js";

const script = fileURLToPath(new URL("../../examples/demo/main.js", import.meta.url));

interface DemoRun {
  readonly child: ChildProcess;
  /** Resolves when it has ended. */
  readonly ended: Promise<{
    readonly status: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }>;
  /** Resolves when stderr matches. */
  saying(text: RegExp): Promise<void>;
}

/** A run with its temporary files in `folder`, killed if it takes longer than it may. */
function startDemo(folder: string, args: readonly string[], timeoutMs: number): DemoRun {
  const env = { ...process.env, TMPDIR: folder };
  const child = spawn(process.execPath, [script, ...args], { timeout: timeoutMs, env });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = once(child, "close").then(([status]) => ({
    status: status as number | null,
    stdout,
    stderr,
  }));
  return {
    child,
    ended,
    async saying(text) {
      while (!text.test(stderr)) await Promise.race([once(child.stderr, "data"), ended.then(fail)]);
    },
  };
  function fail(): never {
    assert.fail(`the demo ended before it said ${stderr}`);
  }
}

describe("the demo", () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "elastic-kv-test-"));
  });
  after(() => rm(folder, { recursive: true }));

  it("resizes a cluster under load without a failure or a wrong answer, and prints JSON alone", async () => {
    const args = ["--cities", "1500", "--words", "1500", "--clients", "8", "--stores-max", "3", "--json"];
    const { status, stdout, stderr } = await startDemo(folder, [...args, "--seconds-max", "120"], 150_000)
      .ended;
    assert.equal(status, 0, `${stderr}\n${stdout}`);
    const report = JSON.parse(stdout) as Report;
    assert.equal(report.ok, true);
    assert.equal(report.calls.failures, 0);
    assert.equal(report.calls.wrongAnswers, 0);
    assert.deepEqual(
      report.steps.map((step) => step.step),
      ["add", "add", "remove"],
    );
    assert.ok(report.moved.movesOverMinimum <= 1.05, `moved ${report.moved.movesOverMinimum} × minimum`);
    assert.ok(report.latency.during.calls > 0);
    const { count, p50Ms, p99Ms, maxMs } = report.handoffPauses;
    assert.equal(count, report.moved.moves, "every hand-off tells how long it was");
    assert.ok(0 < p50Ms && p50Ms <= p99Ms && p99Ms <= maxMs, JSON.stringify(report.handoffPauses));
    assert.equal(report.verification?.keysScanned, report.verification?.keysExpected);
    assert.deepEqual(await readdir(folder), []);
  });

  it("stops its cluster and deletes its data when interrupted", async () => {
    const run = startDemo(folder, ["--cities", "500", "--words", "0", "--clients", "2"], 90_000);
    await run.saying(/read and write from now on/);
    run.child.kill("SIGINT");
    const { status, stdout } = await run.ended;
    assert.equal(status, 130);
    assert.match(stdout, /^problem: interrupted$/m);
    assert.deepEqual(await readdir(folder), []);
  });
});
