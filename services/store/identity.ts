import { EkvError } from "../core/errors.js";
import type { StorageEngine } from "../core/ports/storage-engine.js";

/** Which cluster a store's data belongs to. Written at its first registration, checked ever after. */
export interface Identity {
  readonly clusterId: string;
  readonly partitionCount: number;
  readonly storeId: string;
}

const identityName = "identity";

/**
 * The identity on the disk, or undefined on a first start. Throws `FAILED_PRECONDITION` when it is another store's: the
 * master would take a copy, or a folder under a new name, for data that nobody needs.
 */
export function readIdentity(engine: StorageEngine, storeId: string, folder: string): Identity | undefined {
  const bytes = engine.getMeta(identityName);
  if (bytes === undefined) return undefined;
  const identity = JSON.parse(Buffer.from(bytes).toString()) as Identity;
  if (identity.storeId === storeId) return identity;
  throw new EkvError(
    "FAILED_PRECONDITION",
    `${folder} holds the data of ${identity.storeId}, not of ${storeId}: start it as ${identity.storeId}, or give ` +
      `${storeId} a folder of its own with --data`,
    { notExecuted: true },
  );
}

/** Records the identity so that it survives a power loss. */
export async function writeIdentity(engine: StorageEngine, identity: Identity): Promise<void> {
  await engine.commit([{ kind: "meta", name: identityName, value: Buffer.from(JSON.stringify(identity)) }]);
  await engine.flush();
}
