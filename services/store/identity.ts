import type { StorageEngine } from "../core/ports/storage-engine.js";

/** Which cluster a store's data belongs to. Written at its first registration, checked ever after. */
export interface Identity {
  readonly clusterId: string;
  readonly partitionCount: number;
  readonly storeId: string;
}

const identityName = "identity";

/** The identity on the disk, or undefined on a first start. */
export function readIdentity(engine: StorageEngine): Identity | undefined {
  const bytes = engine.getMeta(identityName);
  return bytes && (JSON.parse(Buffer.from(bytes).toString()) as Identity);
}

/** Records the identity so that it survives a power loss. */
export async function writeIdentity(engine: StorageEngine, identity: Identity): Promise<void> {
  await engine.commit([{ kind: "meta", name: identityName, value: Buffer.from(JSON.stringify(identity)) }]);
  await engine.flush();
}
