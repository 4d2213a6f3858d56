import { connect } from "../../client/index.js";
import { median } from "../report/median.js";
import type { FanOutResult } from "./job.js";

/** When clients got one version of the topology. */
interface Arrivals {
  readonly firstMs: number;
  lastMs: number;
  count: number;
}

/** Connects clients, says `ready`, and collects until `lines` ends when each of them got every version. */
export async function fanOut(
  seeds: readonly string[],
  clients: number,
  lines: AsyncIterable<string>,
  ready: () => void,
): Promise<FanOutResult> {
  const arrivals = new Map<number, Arrivals>();
  let watching = false;
  const arrived = (version: number): void => {
    if (!watching) return;
    const nowMs = performance.now();
    const known = arrivals.get(version);
    if (!known) return void arrivals.set(version, { firstMs: nowMs, lastMs: nowMs, count: 1 });
    known.lastMs = nowMs;
    known.count += 1;
  };
  const connected = await Promise.all(
    Array.from({ length: clients }, () => connect({ seeds, onTopology: ({ version }) => arrived(version) })),
  );
  watching = true;
  ready();
  for await (const _ of lines) continue;
  await Promise.all(connected.map((client) => client.close()));
  // A slow client gets several changes in one: only versions that nearly all got by themselves say anything.
  const whole = [...arrivals.values()].filter(({ count }) => count >= clients * wholeShare);
  const spansMs = whole.map(({ firstMs, lastMs }) => lastMs - firstMs);
  return { versions: whole.length, medianMs: median(spansMs), longestMs: Math.max(0, ...spansMs) };
}

const wholeShare = 0.9;
