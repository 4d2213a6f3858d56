import type { StoreId } from "../ids.js";

/** A store that a launcher knows of. */
export interface LaunchedStore {
  readonly storeId: StoreId;
  /** Whether its process or container runs now. */
  readonly running: boolean;
  /** What an operator would look for: a pid, a container id, a pod name. */
  readonly handle: string;
}

/** Which stores are wanted, where only their number can be chosen: `<prefix>-0` to `<prefix>-<wanted - 1>`. */
export interface StoreScale {
  readonly prefix: string;
  readonly wanted: number;
}

/** Starts and stops store processes somewhere: local processes, Docker, Kubernetes. Idempotent by store id. */
export interface Launcher {
  readonly name: "none" | "process" | "docker" | "kubernetes";
  /**
   * Starts a store, or finds it running. Resolves when it was started, before it has registered. Rejects with an
   * EkvError that says what to fix, having left nothing behind.
   */
  launch(storeId: StoreId): Promise<LaunchedStore>;
  /** Stops a store for good, if it runs; `purge` deletes its data too. */
  remove(storeId: StoreId, purge: boolean): Promise<void>;
  list(): Promise<readonly LaunchedStore[]>;
  /**
   * Of a launcher that can only choose how many stores there are, as with a StatefulSet: which are wanted at this moment.
   * Absent, or undefined, where stores come and go by name. Rejects when it cannot be found out.
   */
  scale?(): Promise<StoreScale | undefined>;
  /** What is wrong at the launcher, for operators, one sentence each. Absent: it has nothing to say. */
  problems?(): readonly string[];
  /** Stops watching; with `stopStores` also stops every store it launched, keeping their data. */
  close(options: { readonly stopStores: boolean }): Promise<void>;
}
