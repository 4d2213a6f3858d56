import type { MethodDefinition } from "@grpc/grpc-js";
import type { RunningServer, ServedService } from "../../../services/runtime/grpc-server.js";
import type { ServerIdentity } from "../../../services/core/server-identity.js";
import { drainingEvent } from "../../../services/runtime/handlers.js";
import { refuseMisdirected } from "../../../services/runtime/identity-guard.js";
import type { ServerCall, ServerStream } from "./call.js";
import type { CallStatus } from "./client-call.js";
import type { Network } from "./network.js";
import type { SimProcess } from "./process.js";

/** A method and what handles its calls. */
export interface SimMethod {
  readonly definition: MethodDefinition<unknown, unknown>;
  handle(call: ServerStream, answer?: (error: Partial<CallStatus> | null, value?: unknown) => void): void;
}

const healthPath = "/grpc.health.v1.Health/Check";
const nothing = Buffer.alloc(0);

/** Any answer will do: whoever asks wants to know whether anybody is there. */
const health: SimMethod = {
  definition: {
    path: healthPath,
    requestStream: false,
    responseStream: false,
    requestSerialize: () => nothing,
    requestDeserialize: () => ({}),
    responseSerialize: () => nothing,
    responseDeserialize: () => ({}),
  },
  handle: (_call, answer) => answer?.(null, {}),
};

/** A server of the simulated network: the same services and handlers as the real one. */
export class SimServer implements RunningServer {
  readonly address: string;
  readonly port: number;
  readonly open = new Set<ServerCall>();
  readonly #network: Network;
  readonly #process: SimProcess;
  readonly #methods = new Map<string, SimMethod>([[healthPath, health]]);
  #draining = false;
  #drained: (() => void) | undefined;

  constructor(
    network: Network,
    process: SimProcess,
    address: string,
    services: readonly ServedService[],
    identity: () => ServerIdentity,
  ) {
    this.#network = network;
    this.#process = process;
    this.address = address;
    this.port = Number(address.split(":").at(-1));
    for (const { definition, handlers } of services) {
      const guarded = refuseMisdirected(definition, handlers, identity);
      for (const [name, method] of Object.entries(definition)) {
        const handle = guarded[name] as SimMethod["handle"] | undefined;
        if (handle) this.#methods.set(method.path, { definition: method, handle });
      }
    }
  }

  get draining(): boolean {
    return this.#draining;
  }

  method(path: string): SimMethod | undefined {
    return this.#methods.get(path);
  }

  // What the health service says is not simulated: nothing of ours asks for it.
  startServing(): void {}
  startDraining(): void {}

  async stop(graceMs: number): Promise<void> {
    this.#draining = true;
    this.#network.unlisten(this.address, this);
    for (const call of this.open) call.drain(drainingEvent);
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      this.#process.clock.setTimer(graceMs, resolve);
      this.ended();
    });
    for (const connection of this.#network.connections()) {
      if (connection.server === this) connection.break("server", "the server stopped");
    }
  }

  /** A call is over. */
  ended(call?: ServerCall): void {
    if (call) this.open.delete(call);
    if (this.open.size === 0) this.#drained?.();
  }
}
