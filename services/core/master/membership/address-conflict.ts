import { EkvError } from "../../errors.js";
import type { Registration } from "../events.js";
import type { MasterState } from "../state/state.js";

/**
 * Why a store may not have the address that it registers with: another store is at it. Of two at one address clients would
 * reach one alone. A store that is gone leaves its address to others. While it is not known whether it is gone, the
 * refusal is UNAVAILABLE, so that the new store asks again.
 */
export function decideAddressRefusal(
  state: MasterState,
  { storeId, address }: Pick<Registration, "storeId" | "address">,
): EkvError | undefined {
  for (const other of state.stores()) {
    if (other.storeId === storeId || other.registration?.address !== address) continue;
    const { streamId, lastHeartbeatMs } = state.presence(other.storeId);
    const isSilent = state.nowMs - lastHeartbeatMs > state.options.suspectAfterMs;
    if (isSilent || !other.registration.alive) continue;
    const message =
      `store ${storeId} advertises ${address}, where store ${other.storeId} is; ` +
      "give each store an address of its own with --advertise or --port";
    return new EkvError(streamId === undefined ? "UNAVAILABLE" : "FAILED_PRECONDITION", message, {
      notExecuted: true,
    });
  }
  return undefined;
}
