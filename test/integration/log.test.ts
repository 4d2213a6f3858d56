import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { fillDisk, mountSmallDisk, noMount, unmountSmallDisk } from "../support/small-disk.js";

const run = promisify(execFile);
const script = fileURLToPath(new URL("../support/log-child.js", import.meta.url));

async function linesOf(format: string, level: string): Promise<string[]> {
  const { stdout } = await run(process.execPath, [script, format, level]);
  return stdout.trimEnd().split("\n");
}

describe("the log", () => {
  // Standard output is a pipe here: `auto` must take it for no terminal.
  for (const format of ["json", "auto"]) {
    it(`as ${format} without a terminal is one JSON object a line`, async () => {
      const lines = (await linesOf(format, "info")).map(
        (line) => JSON.parse(line) as Record<string, unknown>,
      );
      assert.deepEqual(
        lines.map(({ level, message, service }) => [level, message, service]),
        [
          ["info", "first", "store-1"],
          ["error", "failed", "store-1"],
          ["warn", "own", "store-1"],
          ["info", "odd", "store-1"],
        ],
      );
      const [first, failed] = lines;
      assert.equal(first?.["count"], 3);
      assert.match(String(first?.["timestamp"]), /^\d{4}-\d\d-\d\dT/);
      assert.equal(failed?.["requestId"], "r1");
      assert.match(String(failed?.["error"]), /Error: outer\n +at [\s\S]*caused by Error: inner\n +at /);
    });
  }

  it("drops what a full disk does not take", { skip: noMount }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "ekv-log-"));
    mountSmallDisk(folder, "size=64k");
    try {
      const log = await open(join(folder, "log"), "a");
      fillDisk(join(folder, "ballast"));
      const child = spawn(process.execPath, [script, "json", "info"], {
        stdio: ["ignore", log.fd, "inherit"],
      });
      assert.deepEqual(await once(child, "exit"), [0, null]);
      await log.close();
    } finally {
      unmountSmallDisk(folder);
      await rm(folder, { recursive: true });
    }
  });

  it("has debug lines only at that level", async () => {
    assert.ok((await linesOf("json", "debug")).some((line) => line.includes('"detail"')));
    assert.equal((await linesOf("json", "error")).length, 1);
  });

  it("for people keeps an error's stack readable, and takes any value", async () => {
    const lines = await linesOf("pretty", "info");
    const failed = lines.findIndex((line) =>
      /error.*store-1: failed requestId=r1 error=Error: outer$/.test(line),
    );
    assert.ok(failed > 0, lines.join("\n"));
    assert.match(lines[failed + 1] ?? "", /^ +at /);
    assert.match(lines.at(-1) ?? "", /store-1: odd circle=.*10n.*Circular/);
  });
});
