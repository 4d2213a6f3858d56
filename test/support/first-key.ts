import type { Client } from "../../client/index.js";
import { keyBytes, partitionOfKey } from "../../client/key.js";
import { waitFor } from "./wait-for.js";

/** Waits until a new store serves: reads a key that has become its own. Resolves with the key. */
export async function readFirstKey(client: Client<string>, storeId: string): Promise<string> {
  const { partitions } = client.topology();
  const bits = Math.log2(partitions.length);
  const keys = new Map<number, string>();
  for (let i = 0; keys.size < partitions.length; i += 1) {
    const key = `first ${i}`;
    keys.set(partitionOfKey(keyBytes(key), bits), key);
  }
  const owned = await waitFor(
    `a partition of ${storeId}`,
    () => client.topology().partitions.find(({ primary }) => primary?.storeId === storeId),
    120_000,
  );
  const key = keys.get(owned.partition) ?? "";
  await client.get(key);
  return key;
}
