import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { EkvError } from "../core/errors.js";
import { reflectionServices } from "./reflection.js";

/** A service and what handles its calls. */
export interface ServedService {
  /** Full name, `elastickv.v1.StoreService`. */
  readonly name: string;
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

/** How a server is started. */
export interface ServerOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly services: readonly ServedService[];
  /** Longest message, both ways. */
  readonly messageBytesMax: number;
}

/** A server that listens. */
export interface RunningServer {
  /** host:port. */
  readonly address: string;
  readonly port: number;
  /** Says NOT_SERVING on the health service, without refusing calls. */
  startDraining(): void;
  /** Takes no new calls, lets those in flight finish for `graceMs`, then cuts them off. */
  stop(graceMs: number): Promise<void>;
}

/** The one way to start a gRPC server: with health (grpc.health.v1) and reflection (v1, v1alpha). */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host, services, messageBytesMax } = options;
  const server = new Server({
    "grpc.max_receive_message_length": messageBytesMax,
    "grpc.max_send_message_length": messageBytesMax,
    "grpc-node.flow_control_window": 4 * 1024 * 1024,
  });
  const names = services.map(({ name }) => name);
  const health = new HealthImplementation(
    Object.fromEntries(["", ...names].map((name) => [name, "SERVING"])),
  );
  for (const { definition, handlers } of services) server.addService(definition, handlers);
  for (const { definition, handlers } of reflectionServices(names)) server.addService(definition, handlers);
  health.addToServer(server);
  const port = await bind(server, host, options.port);
  const startDraining = (): void => {
    for (const name of ["", ...names]) health.setStatus(name, "NOT_SERVING");
  };
  return {
    address: `${host}:${port}`,
    port,
    startDraining,
    stop: async (graceMs) => {
      startDraining();
      await shutdown(server, graceMs);
    },
  };
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (!error) return resolve(bound);
      const message = `cannot listen on ${host}:${port}: ${error.message}. Stop what listens there, or choose another with --port`;
      reject(new EkvError("FAILED_PRECONDITION", message, { cause: error }));
    });
  });
}

function shutdown(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
