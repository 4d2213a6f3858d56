import { RemoveStoreRequest } from "../../services/gen/elastickv/v1/master.js";
import type { FuzzedMethod } from "./protocol.js";

/**
 * Whether messages are bad input at most. Left out are the orders that any operator may give and that a good master
 * carries out: to remove a store that is there. A test that sent them would test that stores can be removed.
 */
export function isHarmless({ name }: FuzzedMethod, messages: readonly Uint8Array[]): boolean {
  if (name !== "AdminService/RemoveStore") return true;
  return messages.every((message) => {
    try {
      const { storeId, dryRun } = RemoveStoreRequest.decode(message);
      return dryRun || !/^store-\d+$/.test(storeId);
    } catch {
      return true;
    }
  });
}
