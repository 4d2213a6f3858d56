import { AdminClient } from "../../../client/admin.js";
import { EkvError } from "../../../services/core/errors.js";
import { OperationState } from "../../../services/gen/elastickv/v1/master.js";
import { systemOf } from "../client-node.js";
import type { Cluster } from "../cluster.js";
import { SimNode } from "../node.js";
import type { SimProcess } from "../world/process.js";

const storesMax = 5;

/** Somebody who changes the cluster all the time: adds and removes stores, rebalances, cancels, pauses and resumes. */
export class Operator extends SimNode {
  readonly #cluster: Cluster;
  #admin: AdminClient | undefined;
  #stopped = false;
  /** Requests that the master took. */
  taken = 0;

  constructor(cluster: Cluster) {
    super(cluster.machines, "operator");
    this.#cluster = cluster;
  }

  /** A client of the master, once the operator's process runs. */
  get admin(): AdminClient | undefined {
    return this.#admin;
  }

  stop(): void {
    this.#stopped = true;
  }

  protected override run(process: SimProcess): void {
    this.#admin = new AdminClient([this.#cluster.master.address], systemOf(this.machines, process));
    void this.#operate(this.#admin, process);
  }

  protected override losePower(): Promise<void> {
    return Promise.resolve();
  }

  protected override mend(): void {
    // The operator's machine is not part of what may fail.
  }

  async #operate(admin: AdminClient, process: SimProcess): Promise<void> {
    while (!this.#stopped) {
      await new Promise<void>((resolve) => {
        process.clock.setTimer(process.random.between(200, 3000), resolve);
      });
      if (this.#stopped) return;
      try {
        await this.#request(admin, process);
        this.taken += 1;
      } catch (error) {
        if (!(error instanceof EkvError)) throw error;
      }
    }
  }

  async #request(admin: AdminClient, { random }: SimProcess): Promise<void> {
    const { stores } = await admin.listStores();
    const { operations } = await admin.listOperations({ activeOnly: true });
    const dice = random.fraction();
    const paused = operations.find(({ state }) => state === OperationState.PAUSED);
    if (paused && dice < 0.6) {
      await admin.resumeOperation({ operationId: paused.id });
    } else if (operations.length > 0 && dice < 0.25) {
      const { id: operationId } = random.pick(operations);
      if (random.chance(0.5)) await admin.cancelOperation({ operationId });
      else await admin.pauseOperation({ operationId });
    } else if (operations.length < 2 && stores.length < storesMax && dice < 0.6) {
      await admin.addStore({ storeId: "", dryRun: false });
    } else if (operations.length < 2 && stores.length > 2 && dice < 0.9) {
      await admin.removeStore({
        storeId: random.pick(stores).storeId,
        dryRun: false,
        purge: random.chance(0.5),
      });
    } else {
      await admin.rebalance({ dryRun: false });
    }
  }
}
