import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../services/runtime/clock.js";
import { systemRandom } from "../../../services/runtime/random.js";
import { openLogFolder } from "../../../services/store/engine/log/log-folder.js";
import { SeededRandom } from "../../simulation/world/random.js";
import { type Child, compiled, runNode } from "../../support/children.js";
import { batchOf } from "../batches.js";
import { Chain } from "../chain.js";
import { openLogSubject } from "../log-subject.js";
import { inFlightMax, type KillRound, styleOf } from "./kill-round.js";

/** How many processes are killed. */
export interface KillOptions {
  readonly kills: number;
  readonly seed: number;
  /** No process is started after this; by `performance.now()`. */
  readonly untilMs: number;
  /** Called after each kill, with the batches that are there and those that the killed process was told of. */
  readonly onKill?: (kill: number, found: number, acknowledged: number) => void;
}

/** What was done. */
export interface KillResult {
  readonly kills: number;
  readonly batches: number;
}

/** Kills on one folder; then comes a new one, so that no history gets too long to be compared. */
const killsPerFolder = 20;
/** Acknowledged batches after which a process is killed, at most. */
const batchesPerProcessMax = 300;

/** Kills processes that use the engine, and compares all that is there with all that was acknowledged. Rejects when anything is missing. */
export async function runKills(options: KillOptions): Promise<KillResult> {
  let kills = 0;
  let batches = 0;
  for (let number = 0; kills < options.kills && performance.now() < options.untilMs; number += 1) {
    const random = new SeededRandom(options.seed).fork(`folder ${number}`);
    const path = await mkdtemp(join(tmpdir(), "ekv-kills-"));
    const round: KillRound = {
      path: join(path, "data"),
      seed: options.seed + number,
      durability: random.pick(["commit", "fsync"] as const),
      segmentBytes: random.pick([16_384, 65_536]),
      memoryBytesMax: random.chance(0.5) ? 262_144 : undefined,
    };
    try {
      let chain = new Chain();
      for (let ofFolder = 0; ofFolder < killsPerFolder; ofFolder += 1) {
        if (kills >= options.kills || performance.now() >= options.untilMs) break;
        const acknowledged = await killOne(round, chain.length, random);
        chain = await compare(round, chain, acknowledged, random);
        kills += 1;
        options.onKill?.(kills, chain.length, acknowledged);
      }
      batches += chain.length;
    } finally {
      await rm(path, { recursive: true, force: true });
    }
  }
  return { kills, batches };
}

/** Starts a process and kills it, while it opens the engine or later; how many batches were acknowledged by then. */
async function killOne(round: KillRound, first: number, random: SeededRandom): Promise<number> {
  const child = runNode(compiled("../power-loss/kills/kill-child.js"), [
    JSON.stringify(round),
    String(first),
  ]);
  const acknowledgements = random.chance(0.15) ? 0 : random.below(batchesPerProcessMax);
  const reached = child.line(acknowledgements === 0 ? "opening" : `acked ${first + acknowledgements}`);
  await Promise.race([reached, child.ended]);
  await child.kill();
  const failure = child.lines.find((line) => line.startsWith("failed "));
  if (failure !== undefined) throw new Error(failure);
  return acknowledgedBy(child, first);
}

function acknowledgedBy({ lines }: Child, first: number): number {
  const numbers = lines.filter((line) => line.startsWith("acked ")).map((line) => Number(line.slice(6)));
  return Math.max(first, ...numbers);
}

/** Opens what a killed process left, itself or a copy; the batches that are there. */
async function compare(
  round: KillRound,
  former: Chain,
  acknowledged: number,
  random: SeededRandom,
): Promise<Chain> {
  const chain = former.first(former.length);
  const most = acknowledged + 2 * inFlightMax;
  while (chain.length < most) chain.append(batchOf(styleOf(round), chain.length));
  // The next process begins with what the killed one left, or with what a clean stop left.
  const isCopy = random.chance(0.6);
  const path = isCopy ? `${round.path}-copy` : round.path;
  if (isCopy) await cp(round.path, path, { recursive: true });
  try {
    const subject = await openLogSubject({
      ...round,
      folder: await openLogFolder(path),
      clock: systemClock,
      random: systemRandom,
    });
    const content = subject.content();
    const found = chain.find(content, acknowledged, most);
    await subject.close();
    if (found === undefined) throw new Error(chain.explain(content, acknowledged, most));
    return chain.first(found);
  } finally {
    if (isCopy) await rm(path, { recursive: true, force: true });
  }
}
