import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExpiredKey } from "../../services/core/ports/storage-engine.js";
import { recordExpiresAtMs } from "../../services/core/record.js";
import { recordName, textOf } from "../power-loss/content.js";
import { SeededRandom } from "../simulation/world/random.js";
import { generationOf, partitionOf } from "../support/engines.js";
import { deletion, drawKey, drawWrite, type Target } from "./drawn-writes.js";
import { ManualClock } from "./manual-clock.js";
import { ModelledEngine } from "./modelled-engine.js";
import { CheckedSnapshot, Move } from "./move.js";

/** How often something of a history happened. */
export type Counts = Record<string, number>;

/** How a history is run. */
export interface HistoryOptions {
  readonly seed: number;
  readonly steps: number;
  /** Compares everything after each step, to see which one brought a difference. */
  readonly comparesAlways: boolean;
}

/** Thrown when an engine and its model differ. */
export class HistoryFailure extends Error {
  readonly step: number;

  constructor(step: number, kind: string, cause: unknown) {
    super(`step ${step} (${kind}): ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.step = step;
  }
}

const generationsMax = 6;
const movesMax = 3;
const snapshotsMax = 4;

/** Two engines on real files, used in every way at once. */
class History {
  readonly #random: SeededRandom;
  readonly #clock = new ManualClock();
  readonly #segmentBytes: number;
  readonly #engines: readonly ModelledEngine[];
  readonly #targets = new Map<ModelledEngine, Target[]>();
  readonly #counts: Counts = {};
  #snapshots: CheckedSnapshot[] = [];
  #moves: Move[] = [];
  #seq = 0;

  constructor(seed: number, folder: string) {
    this.#random = new SeededRandom(seed);
    const random = this.#random;
    this.#segmentBytes = random.pick([4096, 16_384]);
    this.#engines = ["a", "b"].map((name) => {
      const sizes = {
        durability: random.pick(["commit", "commit", "fsync"] as const),
        segmentBytes: this.#segmentBytes,
        slackBytes: random.pick([4, 8]) * this.#segmentBytes,
        memoryBytesMax: random.pick([1, 65_536, 262_144, Infinity]),
        checkpointBytes: random.pick([8, 32]) * this.#segmentBytes,
      };
      return new ModelledEngine(name, folder, sizes, this.#clock, random.fork(name));
    });
  }

  async run(steps: number, comparesAlways: boolean): Promise<Counts> {
    for (const engine of this.#engines) await engine.open();
    for (let step = 1; step <= steps; step += 1) {
      const kind = this.#draw();
      try {
        this.#counts[kind] = (this.#counts[kind] ?? 0) + 1;
        await this.#steps[kind]();
        if (comparesAlways || step === steps) await this.#compareAll();
      } catch (error) {
        throw new HistoryFailure(step, kind, error);
      }
    }
    return this.#totals();
  }

  /** Leaves nothing open. */
  async close(): Promise<void> {
    for (const engine of this.#engines) await engine.close();
  }

  readonly #steps = {
    write: () => this.#write(),
    read: () => this.#read(),
    range: () => this.#range(),
    copy: () => this.#copy(),
    move: () => this.#beginMove(),
    snapshot: () => this.#takeSnapshot(),
    readSnapshot: () => this.#readSnapshot(),
    expire: () => this.#expire(),
    drop: () => this.#drop(),
    time: async () => this.#clock.pass(this.#random.pick([5, 5, 50, 250, 1000])),
    turns: () => this.#turns(),
    flush: () => this.#anyEngine().engine.flush(),
    restart: () => this.#restart("restart"),
    kill: () => this.#restart("kill"),
    compare: () => this.#compareAll(),
  };

  #draw(): keyof typeof weights {
    let rest = this.#random.below(weightsSum);
    for (const [kind, weight] of Object.entries(weights)) {
      if (rest < weight) return kind as keyof typeof weights;
      rest -= weight;
    }
    throw new RangeError("weights do not add up");
  }

  #anyEngine(): ModelledEngine {
    return this.#random.pick(this.#engines);
  }

  #targetsOf(engine: ModelledEngine): Target[] {
    const targets = this.#targets.get(engine) ?? [];
    this.#targets.set(engine, targets);
    return targets;
  }

  /** One of an engine's generations; often of those that are few, a new one. */
  #anyTarget(engine: ModelledEngine): Target {
    const targets = this.#targetsOf(engine);
    if (targets.length > 0 && this.#random.chance(targets.length < generationsMax ? 0.97 : 1)) {
      return this.#random.pick(targets);
    }
    const target = { ...this.#freeName(engine), keys: this.#random.pick([8, 60, 60, 400, 400, 3000]) };
    targets.push(target);
    return target;
  }

  /** Few numbers, so that those of dropped generations are used again. */
  #freeName(engine: ModelledEngine): Pick<Target, "partition" | "generation"> {
    for (;;) {
      const partition = partitionOf(this.#random.pick([0, 7, 511]));
      const generation = generationOf(this.#random.pick([1, 2, 3, 4, 4_294_967_295]));
      const isSame = (name: Pick<Target, "partition" | "generation">): boolean =>
        name.partition === partition && name.generation === generation;
      const isTaken =
        this.#targetsOf(engine).some(isSame) ||
        this.#moves.some(({ to }) => to.at === engine && isSame(to.name));
      if (!isTaken) return { partition, generation };
    }
  }

  async #write(): Promise<void> {
    const random = this.#random;
    const engine = this.#anyEngine();
    const style = { random, wallMs: this.#clock.wallMs(), segmentBytes: this.#segmentBytes };
    const target = this.#anyTarget(engine);
    const writes = Array.from({ length: 1 + random.below(random.chance(0.1) ? 200 : 8) }, () => {
      this.#seq += 1;
      const write = drawWrite(style, random.chance(0.8) ? target : this.#anyTarget(engine), this.#seq);
      this.#note(engine, write);
      return write;
    });
    engine.commit(writes);
    if (random.chance(0.7)) await engine.settle();
  }

  /** What is written to a generation that is moved goes to its target too. */
  #note(engine: ModelledEngine, write: Parameters<Move["note"]>[0]): void {
    if (write.kind === "meta") return;
    for (const move of this.#moves) {
      const { at, name } = move.from;
      if (at === engine && name.partition === write.partition && name.generation === write.generation) {
        move.note(write);
      }
    }
  }

  async #read(): Promise<void> {
    const engine = this.#anyEngine();
    const target = this.#anyTarget(engine);
    const { partition, generation, keys } = target;
    await engine.settle();
    for (let n = 0; n < 20; n += 1) {
      const key = drawKey(this.#random, keys);
      const found = engine.engine.get(partition, generation, key);
      const name = recordName(partition, generation, key);
      assert.equal(found && textOf(found), engine.model.content.get(name), `${engine.name}: get of ${name}`);
    }
  }

  async #range(): Promise<void> {
    const engine = this.#anyEngine();
    const target = this.#anyTarget(engine);
    await engine.settle();
    const prefix = this.#random.pick(["", "k", "k1", "k30"]);
    const behind = this.#random.chance(0.5) ? textOf(drawKey(this.#random, target.keys)) : undefined;
    const bounds = {
      prefix: Buffer.from(prefix),
      ...(behind !== undefined && { behind: Buffer.from(behind, "latin1") }),
    };
    const found = Array.from(engine.engine.range(target.partition, target.generation, bounds), (entry) => [
      textOf(entry.key),
      textOf(entry.record),
    ]);
    const expected = [...engine.model.entriesOf(target)]
      .filter(([key]) => key.startsWith(prefix) && (behind === undefined || key > behind))
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    assert.deepEqual(found, expected, `${engine.name}: range of ${prefix} behind ${behind}`);
  }

  async #beginMove(): Promise<void> {
    const at = this.#anyEngine();
    const name = this.#anyTarget(at);
    if (this.#moves.length >= movesMax || this.#moves.some(({ from }) => from.name === name)) return;
    await at.settle();
    const to = this.#anyEngine();
    this.#moves.push(new Move({ at, name }, { at: to, name: { ...this.#freeName(to) } }));
  }

  /** Copies some of a move; at its end the source's generation goes, or the copy. */
  async #copy(): Promise<void> {
    if (this.#moves.length === 0) return;
    const move = this.#random.pick(this.#moves);
    if (move.step(1 + this.#random.below(100))) return;
    move.finish();
    this.#moves = this.#moves.filter((other) => other !== move);
    const { from, to } = move;
    const source = this.#targetsOf(from.at).find((target) => target === from.name);
    if (source !== undefined && this.#random.chance(0.7)) {
      this.#targets.set(
        from.at,
        this.#targetsOf(from.at).filter((target) => target !== source),
      );
      from.at.drop(source);
      this.#targetsOf(to.at).push({ ...source, ...to.name });
      this.#counts["moved"] = (this.#counts["moved"] ?? 0) + 1;
    } else to.at.drop(to.name);
    await to.at.settle();
  }

  async #takeSnapshot(): Promise<void> {
    if (this.#snapshots.length >= snapshotsMax) return;
    const at = this.#anyEngine();
    await at.settle();
    this.#snapshots.push(new CheckedSnapshot({ at, name: this.#anyTarget(at) }));
  }

  async #readSnapshot(): Promise<void> {
    const [oldest] = this.#snapshots;
    if (this.#random.chance(0.7)) oldest?.take(this.#random.below(40));
    else this.#snapshots.shift()?.finish();
  }

  /** Deletes what has expired, as a store does, in pieces. */
  async #expire(): Promise<void> {
    const at = this.#anyEngine();
    await at.settle();
    const wallMs = this.#clock.wallMs();
    const limit = this.#random.pick([3, 100]);
    const found: ExpiredKey[] = [];
    const expected = at.model.expired(wallMs);
    for (let isLast = false; !isLast;) {
      const piece = at.engine.expired(wallMs, limit, found.at(-1)?.position);
      found.push(...piece);
      isLast = piece.length < limit;
      assert.ok(found.length <= expected.length, `${at.name}: what expires is found twice, or too soon`);
    }
    const names = found.map(({ partition, generation, key }) => recordName(partition, generation, key));
    assert.deepEqual(names.toSorted(), expected, `${at.name}: what has expired`);
    const seconds = names.map((name) =>
      Math.floor(recordExpiresAtMs(Buffer.from(at.model.content.get(name) ?? "", "latin1")) / 1000),
    );
    assert.deepEqual(
      seconds,
      seconds.toSorted((a, b) => a - b),
      `${at.name}: the oldest expire first`,
    );
    const isOfTarget = (key: ExpiredKey): boolean =>
      this.#targetsOf(at).some((one) => one.partition === key.partition && one.generation === key.generation);
    // What a move brings is not written to before its end.
    const writes = found.filter(isOfTarget).map((key) => deletion(key, key.key, (this.#seq += 1)));
    for (const write of writes) this.#note(at, write);
    if (writes.length > 0) at.commit(writes);
    this.#counts["expired"] = (this.#counts["expired"] ?? 0) + writes.length;
  }

  async #drop(): Promise<void> {
    const at = this.#anyEngine();
    const target = this.#anyTarget(at);
    if (this.#moves.some(({ from }) => from.name === target)) return;
    this.#targets.set(
      at,
      this.#targetsOf(at).filter((other) => other !== target),
    );
    at.drop(target);
  }

  /** The disk and the event loop get on with what they do. */
  async #turns(): Promise<void> {
    for (let n = this.#random.below(30); n > 0; n -= 1) await new Promise(setImmediate);
  }

  /** Stops or kills an engine: its snapshots end, and with them the moves that it takes part in. */
  async #restart(kind: "restart" | "kill"): Promise<void> {
    const at = this.#anyEngine();
    await at.settle();
    for (const snapshot of this.#snapshots.filter((one) => one.at === at)) snapshot.finish();
    this.#snapshots = this.#snapshots.filter((one) => one.at !== at);
    const ended = this.#moves.filter(({ from, to }) => from.at === at || to.at === at);
    this.#moves = this.#moves.filter((move) => !ended.includes(move));
    // Of some the copy is there after the start still, as a store finds it.
    for (const move of ended.filter(({ from }) => from.at === at)) move.abort();
    await at[kind]();
    for (const move of ended.filter(({ from }) => from.at !== at)) move.abort();
    await at.compare();
  }

  async #compareAll(): Promise<void> {
    for (const engine of this.#engines) await engine.compare();
  }

  #totals(): Counts {
    const totals = { ...this.#counts };
    for (const { counts, checkpointsBelieved } of this.#engines) {
      for (const [name, count] of Object.entries({ ...counts, checkpointsBelieved })) {
        totals[name] = (totals[name] ?? 0) + Number(count);
      }
    }
    return totals;
  }
}

const weights = {
  ...{ write: 400, read: 60, range: 15, copy: 150, move: 20, snapshot: 10, readSnapshot: 30, expire: 25 },
  ...{ drop: 4, time: 50, turns: 60, flush: 8, restart: 4, kill: 4, compare: 4 },
};
const weightsSum = Object.values(weights).reduce((sum, weight) => sum + weight, 0);

/** Uses two engines in a temporary folder. Rejects with a {@link HistoryFailure}. */
export async function runHistory({ seed, steps, comparesAlways }: HistoryOptions): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), "ekv-history-"));
  const history = new History(seed, folder);
  try {
    return await history.run(steps, comparesAlways);
  } finally {
    // What is broken may not close either; the failure is what counts.
    await history.close().catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  }
}
