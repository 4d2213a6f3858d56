import type { StoreEndpoint, Topology } from "../client/index.js";
import type { GetStoreStatusResponse } from "../services/gen/elastickv/v1/store.js";
import { openGrpcChannel } from "../services/wire/grpc-channel.js";
import { fromServiceError } from "../services/wire/errors.js";
import { storeService } from "../services/wire/services.js";
import { callUnary } from "../services/wire/unary-call.js";

/** What a store says of itself, or why it says nothing. */
export interface StoreAnswer {
  readonly storeId: string;
  readonly address: string;
  readonly status: GetStoreStatusResponse | undefined;
  /** Empty when it answered. */
  readonly problem: string;
}

/** Asks every store of a topology, all at once. Never rejects. */
export function askStores(
  { clusterId, stores }: Topology,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<StoreAnswer[]> {
  return Promise.all(stores.map((store) => askStore(clusterId, store, options)));
}

async function askStore(
  clusterId: string,
  { storeId, address }: StoreEndpoint,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<StoreAnswer> {
  const channel = openGrpcChannel(address, {}, { clusterId, storeId });
  try {
    const deadlineWallMs = Date.now() + timeoutMs;
    const status = await callUnary(
      channel,
      storeService.getStoreStatus,
      {},
      { deadlineWallMs, signal, writes: false },
    );
    return { storeId, address, status, problem: "" };
  } catch (error) {
    return { storeId, address, status: undefined, problem: fromServiceError(error).message };
  } finally {
    channel.close();
  }
}
