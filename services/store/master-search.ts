import { EkvError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import { startRace } from "../core/retry/race.js";
import type { Channel } from "../wire/channel.js";

/** How a master is reached. */
export interface MasterSearchOptions {
  /** host:port, best first. */
  readonly masters: readonly string[];
  readonly clock: Clock;
  /** Opens a channel to one of them. */
  open(address: string): Channel;
}

/**
 * Opens a channel to the first master that takes a connection. They are tried side by side, so that a silent one holds
 * nobody up. A single one is not waited for. Rejects with UNAVAILABLE that names each and its reason.
 */
export function reachMaster({ masters, clock, open }: MasterSearchOptions): Promise<Channel> {
  const [first = "", ...others] = masters;
  if (others.length === 0) return Promise.resolve(open(first));
  return new Promise((resolve, reject) => {
    startRace<string, string>({
      candidates: masters,
      clock,
      begin: (address, attempt) => {
        const channel = open(address);
        channel.waitForReady(clock.wallMs() + limits.connectMs, (error) => {
          if (error === undefined) {
            resolve(channel);
            return attempt.won();
          }
          channel.close();
          attempt.failed(error.message);
        });
        return () => channel.close();
      },
      lost: (failures) => {
        const reasons = failures.map(({ candidate, reason }) => `${candidate}: ${reason}`).join("; ");
        reject(new EkvError("UNAVAILABLE", `no master can be reached (${reasons})`, { notExecuted: true }));
      },
    });
  });
}

/** Addresses in their order, from the `turn`-th on, around. */
export function fromTurn(addresses: readonly string[], turn: number): string[] {
  const start = addresses.length === 0 ? 0 : turn % addresses.length;
  return [...addresses.slice(start), ...addresses.slice(0, start)];
}
