import { Client } from "../../client/client.js";
import { codecs } from "../../client/codec.js";
import { Connection } from "../../client/connection.js";
import { openGrpcPipeline } from "../../client/pipeline-stream.js";
import type { System } from "../../client/system.js";
import { SimNode } from "./node.js";
import type { Machines } from "./world/machine.js";
import type { SimProcess } from "./world/process.js";

/** What a client's machine does with a client that is connected. */
export type ClientWork = (client: Client<string>, process: SimProcess) => void;

/** A process that uses the SDK. */
export class ClientNode extends SimNode {
  readonly #seeds: () => readonly string[];
  readonly #work: ClientWork;

  constructor(machines: Machines, name: string, seeds: () => readonly string[], work: ClientWork) {
    super(machines, name);
    this.#seeds = seeds;
    this.#work = work;
  }

  protected override run(process: SimProcess): void {
    const connection = new Connection(
      { seeds: this.#seeds(), deadlineMs: 8000, connectTimeoutMs: 60_000 },
      systemOf(this.machines, process),
    );
    connection.open().then(
      () => this.#work(new Client(connection, codecs.string, true), process),
      () => {
        if (!process.alive) return;
        process.end();
        this.restartIn(200_000);
      },
    );
  }

  protected override losePower(): Promise<void> {
    return Promise.resolve();
  }

  protected override mend(): void {
    // A client has nothing but its process.
  }
}

/** A simulated machine as the client's port to the world. */
export function systemOf(machines: Machines, process: SimProcess): System {
  return {
    clock: process.clock,
    random: process.random,
    openChannel: machines.network.channelsOf(process),
    openPipeline: openGrpcPipeline,
    findRefusal: () => Promise.resolve(undefined),
  };
}
