import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { afterEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { waitFor } from "../support/wait-for.js";

const script = fileURLToPath(new URL("../support/main-child.js", import.meta.url));

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly errors: () => string;
  /** Exit status, once it has ended. */
  readonly ended: Promise<number | null>;
}

describe("a service's process", { timeout: 240_000 }, () => {
  let child: ChildProcess | undefined;

  afterEach(() => {
    child?.kill("SIGKILL");
  });

  function run(mode: string): Run {
    const started = spawn(process.execPath, [script, mode]);
    child = started;
    let output = "";
    let errors = "";
    started.stdout.on("data", (text: Buffer) => (output += text.toString()));
    started.stderr.on("data", (text: Buffer) => (errors += text.toString()));
    const ended = new Promise<number | null>((resolve) => started.once("close", resolve));
    return { child: started, output: () => output, errors: () => errors, ended };
  }

  for (const [signal, impatient] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    it(`stops gracefully at ${signal}, and at once at a second one`, async () => {
      const graceful = run("serves");
      await waitFor("its start", () => graceful.output().includes("running"));
      graceful.child.kill(signal);
      await waitFor("its stop", () => graceful.output().includes("stopping"));
      graceful.child.stdin?.write("go\n");
      assert.equal(await graceful.ended, 0);
      assert.match(graceful.output(), /stopped/);

      const hurried = run("serves");
      await waitFor("its start", () => hurried.output().includes("running"));
      hurried.child.kill(signal);
      await waitFor("its stop", () => hurried.output().includes("stopping"));
      hurried.child.kill(signal);
      assert.equal(await hurried.ended, impatient);
      assert.doesNotMatch(hurried.output(), /stopped/);
    });
  }

  it("goes on after what is thrown in a timer, a turn, a listener or a promise, and prints it", async () => {
    const throwing = run("throws");
    await waitFor("its timer to go on", () => throwing.output().includes("went on"));
    for (const where of ["a timer", "a turn", "a listener", "a promise"]) {
      await waitFor(where, () => throwing.errors().includes(`thrown in ${where}`));
    }
    assert.equal(throwing.child.exitCode, null);
  });

  it("ends when an invariant is broken", async () => {
    const broken = run("breaks-an-invariant");
    assert.equal(await broken.ended, 1);
    assert.match(broken.errors(), /two owners/);
  });

  it("finishes ending by itself when one signal comes in between", async () => {
    const leaving = run("ends-by-itself");
    await waitFor("its stop", () => leaving.output().includes("stopping"));
    leaving.child.kill("SIGTERM");
    await waitFor("the signal", () => leaving.output().includes("signalled"));
    leaving.child.stdin?.write("go\n");
    assert.equal(await leaving.ended, 0);
    assert.match(leaving.output(), /stopped/);
  });

  it("is stopped in full when it was to end before its start was over", async () => {
    const early = run("ends-while-starting");
    assert.equal(await early.ended, 0);
    assert.equal(early.output(), "running\nstopping\nstopped\n");
  });

  it("ends at a signal while its start still waits", async () => {
    const waiting = run("starts-for-ever");
    await waitFor("its start", () => waiting.output().includes("starting"));
    waiting.child.kill("SIGTERM");
    assert.equal(await waiting.ended, 0);
  });

  it("says in one line what the operator must fix, and exits with 2", async () => {
    const refused = run("refused");
    assert.equal(await refused.ended, 2);
    assert.equal(refused.errors(), "error: the port is taken: choose another\n");
  });

  it("prints a bug with its stack, and exits with 1", async () => {
    const broken = run("bug");
    assert.equal(await broken.ended, 1);
    assert.match(broken.errors(), /TypeError: no such property\n +at /);
  });
});
