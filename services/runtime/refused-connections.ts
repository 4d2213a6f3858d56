import { limits } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import type { Logger } from "./log.js";

/** What to call for each connection that is refused: logs how many there were, once in a while. */
export function reportRefusedConnections(log: Logger, clock: Clock, connectionsMax: number): () => void {
  let refused = 0;
  let quietUntilMs = -Infinity;
  return () => {
    refused += 1;
    if (clock.nowMs() < quietUntilMs) return;
    quietUntilMs = clock.nowMs() + limits.refusedLogMs;
    const fix = "raise ulimit -n, or --connections-max if it is set";
    log.warn(`connections are refused: ${connectionsMax} are open; ${fix}`, { refused });
    refused = 0;
  };
}
