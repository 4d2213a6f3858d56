import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EkvError } from "../../services/core/errors.js";
import { systemClock } from "../../services/runtime/clock.js";
import { systemRandom } from "../../services/runtime/random.js";
import type { LogEngine } from "../../services/store/engine/log/log-engine.js";
import { type LogFile, type LogFolder, openLogFolder } from "../../services/store/engine/log/log-folder.js";
import { openLogEngine } from "../../services/store/engine/log/open-log.js";
import { generationOf, partitionOf, putOf, temporaryFolder } from "../support/engines.js";

/** What the disk refuses now. */
interface Faults {
  /** A write brings only so many bytes to the file. */
  writeBytesMax: number;
  /** A write brings everything to the file, and fails nevertheless. */
  afterWrite: boolean;
  sync: boolean;
  create: boolean;
}

const noFaults: Faults = { writeBytesMax: Infinity, afterWrite: false, sync: false, create: false };

class FaultyFile implements LogFile {
  readonly #file: LogFile;
  readonly #faults: Faults;

  constructor(file: LogFile, faults: Faults) {
    this.#file = file;
    this.#faults = faults;
  }

  write(from: Uint8Array, position: number, start?: number, end?: number): void {
    const bytes = from.subarray(start, end);
    const most = this.#faults.writeBytesMax;
    this.#file.write(bytes.subarray(0, most), position);
    if (bytes.length > most || this.#faults.afterWrite)
      throw Object.assign(new Error("no space left, as the test wants"), { code: "ENOSPC" });
  }

  read(into: Uint8Array, position: number): number {
    return this.#file.read(into, position);
  }

  load(into: Uint8Array, position: number): Promise<number> {
    return this.#file.load(into, position);
  }

  size(): number {
    return this.#file.size();
  }

  truncate(size: number): void {
    this.#file.truncate(size);
  }

  async sync(): Promise<void> {
    if (this.#faults.sync)
      throw Object.assign(new Error("the disk failed, as the test wants"), { code: "EIO" });
    await this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }
}

class FaultyFolder implements LogFolder {
  readonly path: string;
  readonly #folder: LogFolder;
  readonly #faults: Faults;

  constructor(folder: LogFolder, faults: Faults) {
    this.path = folder.path;
    this.#folder = folder;
    this.#faults = faults;
  }

  list(): string[] {
    return this.#folder.list();
  }

  create(name: string): LogFile {
    if (this.#faults.create)
      throw Object.assign(new Error("no new file, as the test wants"), { code: "ENOSPC" });
    return new FaultyFile(this.#folder.create(name), this.#faults);
  }

  open(name: string): LogFile {
    return new FaultyFile(this.#folder.open(name), this.#faults);
  }

  rename(from: string, to: string): void {
    this.#folder.rename(from, to);
  }

  remove(name: string): Promise<void> {
    return this.#folder.remove(name);
  }

  sync(): Promise<void> {
    return this.#folder.sync();
  }
}

const failsWith = (code: string) => (error: unknown) => error instanceof EkvError && error.code === code;

function keysOf(engine: LogEngine): string {
  return Array.from(engine.range(partitionOf(1), generationOf(1)), ({ key }) =>
    Buffer.from(key).toString(),
  ).join(" ");
}

describe("a log whose disk refuses", () => {
  for (const durability of ["commit", "fsync"] as const) {
    const start = async () => {
      const temporary = await temporaryFolder();
      const faults: Faults = { ...noFaults };
      const open = async (): Promise<LogEngine> =>
        openLogEngine({
          folder: new FaultyFolder(await openLogFolder(temporary.path), faults),
          durability,
          clock: systemClock,
          random: systemRandom,
          segmentBytes: 8192,
        });
      return { temporary, faults, open, engine: await open() };
    };
    const put = (engine: LogEngine, key: string, bytes = 100): Promise<void> =>
      engine.commit([putOf(1, 1, key, Buffer.alloc(bytes, key))]);

    test(`${durability}: a write that is cut short shows nothing and loses nothing, over segments too`, async () => {
      const { temporary, faults, open, engine } = await start();
      await put(engine, "a");
      faults.create = true;
      await assert.rejects(put(engine, "long", 30_000), failsWith("RESOURCE_EXHAUSTED"));
      faults.create = false;
      for (const most of [0, 1, 23, 24, 100, 150]) {
        faults.writeBytesMax = most;
        await assert.rejects(put(engine, "refused"), failsWith("RESOURCE_EXHAUSTED"));
        await assert.rejects(put(engine, "long", 30_000), failsWith("RESOURCE_EXHAUSTED"));
        const several = Array.from({ length: 200 }, (_, i) => putOf(1, 1, `several ${i}`, Buffer.alloc(100)));
        await assert.rejects(engine.commit(several), failsWith("RESOURCE_EXHAUSTED"));
        assert.equal(keysOf(engine).split(" ").includes("refused"), false);
        faults.writeBytesMax = Infinity;
        await put(engine, `b${most}`);
      }
      await put(engine, "c", 30_000);
      const expected = "a b0 b1 b100 b150 b23 b24 c";
      assert.equal(keysOf(engine), expected);
      await engine.close();
      const again = await open();
      assert.equal(keysOf(again), expected);
      await again.close();
      await temporary.remove();
    });
  }

  test("fsync: of a group that was refused, no batch comes back behind one that takes the place of its first", async () => {
    const temporary = await temporaryFolder();
    const faults: Faults = { ...noFaults };
    const folder = new FaultyFolder(await openLogFolder(temporary.path), faults);
    const options = { folder, durability: "fsync", clock: systemClock, random: systemRandom } as const;
    const engine = await openLogEngine(options);
    const first = engine.commit([putOf(1, 1, "1", "")]);
    faults.afterWrite = true;
    const group = [engine.commit([putOf(1, 1, "2", "")]), engine.commit([putOf(1, 1, "3", "")])];
    await first;
    for (const refused of group) await assert.rejects(refused, failsWith("RESOURCE_EXHAUSTED"));
    faults.afterWrite = false;
    await engine.commit([putOf(1, 1, "4", "")]);
    // As after a kill: the first process leaves no checkpoint.
    const again = await openLogEngine(options);
    assert.equal(keysOf(again), "1 4");
    await again.close();
    await engine.close();
    await temporary.remove();
  });

  test("fsync: after a failed sync the outcome is unknown, nothing of it is seen, and no more writes are taken", async () => {
    const temporary = await temporaryFolder();
    const faults: Faults = { ...noFaults };
    const folder = new FaultyFolder(await openLogFolder(temporary.path), faults);
    const options = { folder, durability: "fsync", clock: systemClock, random: systemRandom } as const;
    const engine = await openLogEngine(options);
    await engine.commit([putOf(1, 1, "a", "")]);
    faults.sync = true;
    await assert.rejects(engine.commit([putOf(1, 1, "b", "")]), failsWith("OUTCOME_UNKNOWN"));
    assert.equal(keysOf(engine), "a");
    await assert.rejects(engine.commit([putOf(1, 1, "c", "")]), failsWith("INTERNAL"));
    assert.match(engine.problem() ?? "", /takes no more writes: check the disk/);
    await assert.rejects(engine.close(), failsWith("INTERNAL"));
    faults.sync = false;
    const again = await openLogEngine(options);
    assert.match(keysOf(again), /^a( b)?$/);
    await again.commit([putOf(1, 1, "d", "")]);
    await again.close();
    await temporary.remove();
  });
});
