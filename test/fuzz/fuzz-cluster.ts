import { type Client, codecs, connect } from "../../client/index.js";
import { adminService, topologyService } from "../../services/wire/services.js";
import { CheckedLoad, type LoadReport } from "../support/checked-load.js";
import { type Child, compiled } from "../support/children.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { RawClient } from "../support/raw-client.js";
import { waitFor } from "../support/wait-for.js";
import type { Vocabulary } from "./message-arbitrary.js";
import type { ServerRole } from "./protocol.js";

/** What a process under fuzz holds at rest, garbage collected. */
export interface MemoryAtRest {
  /** Resident memory that is no file's. */
  readonly anonymous: number;
  readonly heapUsed: number;
  readonly external: number;
}

const storeIds = ["store-1", "store-2"] as const;
export const partitionCount = 16;
const settleMsMax = 120_000;

function isOwn(storeId: string): boolean {
  return storeIds.some((id) => id === storeId);
}

/** A real master and real stores in processes of their own, with a client that must not notice anything. */
export class FuzzCluster {
  readonly processes: ProcessCluster = new ProcessCluster([
    ...["--partitions", String(partitionCount), "--initial-stores", "2", "--auto-join=false"],
  ]);
  #client: Client<string> | undefined;
  #load: CheckedLoad | undefined;
  clusterId = "";

  async start(): Promise<void> {
    process.env["NODE_OPTIONS"] = `--import=${compiled("../fuzz/probe-preload.js")}`;
    // One arena: memory that was given back stays with its arena otherwise, and looks like growth.
    process.env["MALLOC_ARENA_MAX"] = "1";
    await this.processes.startMaster();
    for (const storeId of storeIds) await this.processes.startStore(storeId);
    await this.#settled();
    this.clusterId = (await this.processes.admin(adminService.getClusterStatus, {})).clusterId;
    this.#client = await connect({ seeds: [this.processes.masterAddress], codec: codecs.string });
    this.#load = new CheckedLoad(this.#client, "sane", 2, 20);
  }

  address(role: ServerRole): string {
    return role === "master" ? this.processes.masterAddress : this.processes.storeAddress(storeIds[0]);
  }

  /** What hostile messages may know. Not the cluster's id: who has that and a store's name is a store. */
  vocabulary(): Vocabulary {
    return {
      texts: ["store-1", "store-2", "ghost-1", "op-1", "operation-1", "m-1", "sane-0-0", "a"],
      numbers: [BigInt(partitionCount), BigInt(partitionCount - 1)],
    };
  }

  /** Throws when a process has ended. */
  check(): void {
    for (const [name, child] of this.#children()) {
      const { exitCode, signalCode } = child.process;
      if (exitCode !== null || signalCode !== null) {
        throw new Error(
          `${name} has ended: exit ${exitCode}, signal ${signalCode}; its log: ${child.lines.slice(-5).join("\n")}`,
        );
      }
    }
  }

  async memory(): Promise<ReadonlyMap<string, MemoryAtRest>> {
    const found = new Map<string, MemoryAtRest>();
    for (const [name, child] of this.#children()) {
      const seen = child.lines.length;
      child.process.kill("SIGUSR2");
      const line = await waitFor(`${name} to tell its memory`, () =>
        child.lines.slice(seen).find((text) => text.startsWith("memory ")),
      );
      found.set(name, JSON.parse(line.slice("memory ".length)) as MemoryAtRest);
    }
    return found;
  }

  /** Who owns what, and at which epoch: what no bad input may change. */
  async ownership(): Promise<unknown> {
    const client = new RawClient(this.processes.masterAddress);
    try {
      const { topology } = await client.call(topologyService.getTopology, {});
      return {
        clusterId: topology?.clusterId,
        partitions: topology?.partitions,
        stores: topology?.stores.filter(({ storeId }) => isOwn(storeId)),
      };
    } finally {
      client.close();
    }
  }

  /** Cancels what hostile calls may rightly have begun, such as the addition of a store that never comes. */
  async quiet(): Promise<void> {
    const quiet = async (): Promise<boolean> => {
      const { operations } = await this.processes.admin(adminService.listOperations, { activeOnly: true });
      for (const { id } of operations) {
        await this.processes.admin(adminService.cancelOperation, { operationId: id }).catch(() => undefined);
      }
      return operations.length === 0;
    };
    await waitFor("every operation to end", quiet, settleMsMax);
  }

  /** Kills the master and starts it again on what it had written. */
  async restartMaster(): Promise<void> {
    await this.processes.master?.kill();
    await this.processes.startMaster();
    await this.#settled();
  }

  /** Stops the sane client and says what it saw. */
  async stopLoad(): Promise<LoadReport> {
    const report = await this.#load?.stop();
    await this.#client?.close();
    if (report === undefined) throw new Error("the cluster was not started");
    return report;
  }

  async stop(): Promise<void> {
    delete process.env["NODE_OPTIONS"];
    delete process.env["MALLOC_ARENA_MAX"];
    await this.processes.stop();
  }

  /** Patient: on a busy machine processes take long to start. */
  async #settled(): Promise<void> {
    const there = async (): Promise<boolean> =>
      (await this.processes.list()).filter(({ alive, storeId }) => alive && isOwn(storeId)).length ===
      storeIds.length;
    await waitFor("the stores to be there", there, settleMsMax);
    await this.processes.settled(...storeIds);
  }

  #children(): [string, Child][] {
    const { master, stores } = this.processes;
    return [...(master ? [["master", master] as [string, Child]] : []), ...stores];
  }
}
