import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmod, mkdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import { openLmdbMetadataStore } from "../../services/master/metadata/lmdb.js";
import { makeFolder } from "../../services/runtime/folder.js";
import { lockFolder } from "../../services/runtime/folder-lock.js";
import { compiled } from "../support/children.js";
import { temporaryFolder } from "../support/engines.js";
import { freePort } from "../support/free-ports.js";

import { mountSmallDisk, noMount, unmountSmallDisk } from "../support/small-disk.js";

/** Starts each program that has a data folder on `data`; resolves with what each says when it ends. */
async function startAll(data: string): Promise<Record<string, string>> {
  const port = String(await freePort());
  const commands = {
    master: [compiled("../../services/master/main.js"), "--data", data, "--port", "0", "--create"],
    store: [
      compiled("../../services/store/main.js"),
      ...["--store-id", "s1", "--master", "127.0.0.1:1", "--data", data],
    ],
    up: [compiled("../../cli/main.js"), "up", "--data", data, "--port", port, "--stores", "1"],
  };
  const said = Object.entries(commands).map(async ([name, args]) => [name, await lastWords(args)] as const);
  return Object.fromEntries(await Promise.all(said));
}

/** The exit status and standard error of a program that must end by itself. */
function lastWords(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return new Promise((resolve) => child.once("close", (status) => resolve(`${status}: ${text.trim()}`)));
}

const refusal = (pattern: RegExp) => (error: unknown) =>
  error instanceof EkvError && error.code === "FAILED_PRECONDITION" && pattern.test(error.message);

describe("a data folder that cannot be used", { timeout: 240_000 }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());

  async function eachSays(data: string, pattern: RegExp): Promise<void> {
    for (const [name, said] of Object.entries(await startAll(data))) {
      assert.match(said, pattern, name);
      assert.match(said, /^2: /, `${name} exits with the status of what an operator can mend`);
      assert.equal(said.split("\n").length, 1, `${name} says it on one line: ${said}`);
    }
  }

  it("is a file", async () => {
    const data = join(folder.path, "afile");
    await writeFile(data, "");
    await eachSays(data, /afile is not a folder/);
  });

  it("lies in a file", async () => {
    await writeFile(join(folder.path, "afile"), "");
    await eachSays(
      join(folder.path, "afile", "data"),
      /afile\/data cannot be used: a part of the path is not a folder/,
    );
  });

  it("is a symbolic link to nothing", async () => {
    const data = join(folder.path, "link");
    await symlink(join(folder.path, "nothing"), data);
    await eachSays(data, /link is not a folder/);
  });

  describe("for its file system", { skip: noMount }, () => {
    let disk: string;
    beforeEach(async () => {
      disk = join(folder.path, "disk");
      await mkdir(disk);
    });
    afterEach(() => unmountSmallDisk(disk));

    it("is read-only", async () => {
      mountSmallDisk(disk, "size=1m");
      await mkdir(join(disk, "there"));
      execFileSync("mount", ["-o", "remount,ro", disk]);
      await eachSays(join(disk, "there"), /there cannot be used: the file system is read-only/);
      await eachSays(join(disk, "new", "data"), /new\/data cannot be used: the file system is read-only/);
    });

    it("has no room for a folder", async () => {
      mountSmallDisk(disk, "size=1m,nr_inodes=1");
      await eachSays(join(disk, "data"), /disk\/data cannot be used: no space left on the device/);
    });
  });

  it("is another user's", async () => {
    const data = join(folder.path, "private");
    await mkdir(data);
    await chmod(data, 0o500);
    await chmod(folder.path, 0o755);
    const isRoot = process.getuid?.() === 0;
    // Root may do everything: as nobody then.
    if (isRoot) process.seteuid?.(65_534);
    try {
      await assert.rejects(
        lockFolder(data, { role: "me" }),
        refusal(/private cannot be used: permission denied/),
      );
      await assert.rejects(
        makeFolder(join(data, "new")),
        refusal(/private\/new cannot be used: permission denied/),
      );
      const opening = openLmdbMetadataStore({ path: data });
      await assert.rejects(opening, refusal(/private cannot be used: permission denied/));
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
});

describe("a folder that is made", () => {
  it(
    "is refused where the system takes none",
    { skip: process.platform !== "linux", timeout: 60_000 },
    async () => {
      // Others than root lack the permission already.
      await assert.rejects(
        makeFolder("/proc/elastic-kv/data"),
        refusal(/\/proc takes no new folders|permission denied/),
      );
    },
  );

  it("comes with those above it, and may be there already", async () => {
    const folder = await temporaryFolder();
    const path = join(folder.path, "a", "b", "c");
    await Promise.all([makeFolder(path), makeFolder(path), makeFolder(`${path}/`)]);
    await makeFolder(path);
    assert.ok((await stat(path)).isDirectory());
    await folder.remove();
  });
});
