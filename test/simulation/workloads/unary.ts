import { Metadata, type ServiceError } from "@grpc/grpc-js";
import { anyServer } from "../../../services/core/server-identity.js";
import type { CallAction, CallOutcome } from "../../support/linearizability.js";
import type { OpenChannel } from "../../../services/wire/channel.js";
import { fromServiceError } from "../../../services/wire/errors.js";
import { storeService } from "../../../services/wire/services.js";
import { SimNode } from "../node.js";
import type { Machines } from "../world/machine.js";
import type { SimProcess } from "../world/process.js";
import type { History } from "./history.js";

const thinkMsMax = 400;
const deadlineMs = 6000;
/** Beside what the SDK may fail with: nobody finds the owner for it, and the store that it asks may be gone. */
const excused = ["MOVED"];

/** One method of the store, whichever. */
interface UnaryMethod<Q, A> {
  readonly path: string;
  readonly requestSerialize: (request: Q) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => A;
}

/** What a unary client does. */
export interface UnaryOptions {
  readonly keys: readonly string[];
  readonly history: History;
  /** host:port of every store, of those that are gone too. */
  readonly stores: () => readonly string[];
}

/** A client without the SDK: asks any store for any key by unary calls, which stores forward to the owner. */
export class UnaryClient extends SimNode {
  readonly #options: UnaryOptions;
  #values = 0;
  #stopped = false;
  /** Calls that were answered. */
  answered = 0;

  constructor(machines: Machines, name: string, options: UnaryOptions) {
    super(machines, name);
    this.#options = options;
  }

  /** Begins no further call. */
  stop(): void {
    this.#stopped = true;
  }

  protected override run(process: SimProcess): void {
    process.onEnd(() => this.#options.history.abandon(this.host));
    void this.#calls(process);
  }

  protected override losePower(): Promise<void> {
    return Promise.resolve();
  }

  protected override mend(): void {
    // A client has nothing but its process.
  }

  async #calls(process: SimProcess): Promise<void> {
    const openChannel = this.machines.network.channelsOf(process);
    const { clock, random } = process;
    while (!this.#stopped && process.alive) {
      await new Promise<void>((resolve) => {
        clock.setTimer(random.between(1, thinkMsMax), resolve);
      });
      const stores = this.#options.stores();
      if (stores.length > 0 && !this.#stopped) await this.#call(process, openChannel, random.pick(stores));
    }
  }

  async #call(process: SimProcess, openChannel: OpenChannel, address: string): Promise<void> {
    const { history, keys } = this.#options;
    const name = process.random.pick(keys);
    const key = Buffer.from(name);
    const dice = process.random.fraction();
    const record = async <A>(
      action: CallAction,
      call: Promise<A>,
      outcomeOf: (answer: A) => CallOutcome,
    ): Promise<void> => {
      const answer = await history.record(this.host, name, action, call, outcomeOf, { excused });
      if (answer !== undefined) this.answered += 1;
    };
    const channel = openChannel(address, {}, anyServer);
    try {
      if (dice < 0.5) {
        const call = callUnary(process, channel, storeService.get, { key, consistency: 0 });
        await record({ kind: "get" }, call, ({ found, value }) => ({
          kind: "value",
          value: found ? Buffer.from(value).toString() : undefined,
        }));
      } else if (dice < 0.85) {
        this.#values += 1;
        const value = `${this.host}#${this.#values}`;
        const request = {
          key,
          value: Buffer.from(value),
          ttlMs: 0,
          condition: undefined,
          identity: undefined,
        };
        const call = callUnary(process, channel, storeService.put, request);
        await record({ kind: "put", value }, call, () => ({ kind: "written" }));
      } else {
        const request = { key, condition: undefined, identity: undefined };
        const call = callUnary(process, channel, storeService.delete, request);
        await record({ kind: "delete" }, call, ({ existed }) => ({ kind: "deleted", existed }));
      }
    } finally {
      channel.close();
    }
  }
}

function callUnary<Q, A>(
  { clock }: SimProcess,
  channel: ReturnType<OpenChannel>,
  { path, requestSerialize, responseDeserialize }: UnaryMethod<Q, A>,
  request: Q,
): Promise<A> {
  return new Promise((resolve, reject) => {
    channel.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      { deadline: clock.wallMs() + deadlineMs },
      (error: ServiceError | null, answer?: A) => {
        if (error) reject(fromServiceError(error));
        else resolve(answer as A);
      },
    );
  });
}
