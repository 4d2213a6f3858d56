import type { Socket } from "node:net";
import {
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { joinHostPort } from "../core/host-port.js";
import { limits } from "../core/limits.js";
import type { ServerIdentity } from "../core/server-identity.js";
import type { FramedProtocol } from "../wire/framed-connection.js";
import { decodeSafely, refuseUnreadable } from "./decoding.js";
import { drainingEvent } from "./handlers.js";
import { refuseMisdirected } from "./identity-guard.js";
import { listen, type PortListener } from "./port-listener.js";
import { reflectionServices } from "./reflection.js";

/** A service and what handles its calls. */
export interface ServedService {
  /** Full name, `elastickv.v1.StoreService`. */
  readonly name: string;
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
  /** Most fields and 32-bit numbers in one request; default `limits.messageItemsMax`. */
  readonly messageItemsMax?: number;
}

/** How a server is started. */
export interface ServerOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly services: readonly ServedService[];
  /** Which server this is now. Calls that are meant for another are refused. */
  readonly identity: () => ServerIdentity;
  /** Takes framed connections, besides gRPC on the same port. Default: none is taken. */
  readonly framed?: (socket: Socket, protocol: FramedProtocol) => void;
  /** Longest message, both ways. */
  readonly messageBytesMax: number;
  /** Connections at once; more are refused. Default: no limit. */
  readonly connectionsMax?: number;
  /** Called for each connection that is refused. */
  readonly connectionRefused?: () => void;
  /** Say NOT_SERVING on the health service until {@link RunningServer.startServing}. Default: SERVING from the start. */
  readonly ready?: boolean;
}

/** A server that listens. */
export interface RunningServer {
  /** host:port. */
  readonly address: string;
  readonly port: number;
  /** Says SERVING on the health service from now on. */
  startServing(): void;
  /** Says NOT_SERVING on the health service, without refusing calls. */
  startDraining(): void;
  /** Takes no new calls, tells watchers to leave, lets other calls finish for `graceMs`, then cuts them off. */
  stop(graceMs: number): Promise<void>;
}

/** A client whose machine is gone must not hold its streams, which are limited in number, for ever. */
const keepaliveTimeMs = 60_000;
const keepaliveTimeoutMs = 20_000;

type StreamedCall = ServerWritableStream<unknown, unknown>;

/** Starts a server. The real one is {@link startServer}; the simulator has one of its own. */
export type Listen = (options: ServerOptions) => Promise<RunningServer>;

/** The one way to start a gRPC server: with health (grpc.health.v1) and reflection (v1, v1alpha). */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host, services, identity, messageBytesMax, ready = true } = options;
  const server = new Server({
    "grpc.max_receive_message_length": messageBytesMax,
    "grpc.max_send_message_length": messageBytesMax,
    "grpc.max_concurrent_streams": limits.streamsPerConnectionMax,
    "grpc-node.flow_control_window": 4 * 1024 * 1024,
    "grpc.keepalive_time_ms": keepaliveTimeMs,
    "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
  });
  const streamed = new Set<StreamedCall>();
  const names = services.map(({ name }) => name);
  const health = new HealthImplementation(
    Object.fromEntries(["", ...names].map((name) => [name, ready ? "SERVING" : "NOT_SERVING"])),
  );
  const add = (
    definition: ServiceDefinition,
    handlers: UntypedServiceImplementation,
    itemsMax: number | undefined,
  ): void => {
    const tracked = trackStreams(definition, handlers, streamed);
    const guarded = refuseMisdirected(definition, refuseUnreadable(definition, tracked), identity);
    server.addService(decodeSafely(definition, { itemsMax }), guarded);
  };
  for (const { definition, handlers, messageItemsMax = limits.messageItemsMax } of services) {
    add(definition, handlers, messageItemsMax);
  }
  for (const { definition, handlers } of reflectionServices(names)) add(definition, handlers, undefined);
  health.addToServer({
    addService: (definition, handlers) => add(definition, endWhenDraining(handlers), undefined),
  });
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = await listen({
    host,
    port: options.port,
    connectionsMax: options.connectionsMax ?? Infinity,
    refused: options.connectionRefused ?? ((): void => undefined),
    http2: (socket) => injector.injectConnection(socket),
    framed: options.framed,
  });
  const say = (status: "SERVING" | "NOT_SERVING"): void => {
    for (const name of ["", ...names]) health.setStatus(name, status);
  };
  const startDraining = (): void => say("NOT_SERVING");
  return {
    address: joinHostPort(host, listener.port),
    port: listener.port,
    startServing: () => say("SERVING"),
    startDraining,
    stop: async (graceMs) => {
      startDraining();
      for (const call of streamed) call.emit(drainingEvent);
      await shutdown(server, listener, graceMs);
    },
  };
}

/** Keeps the open server-streamed calls in `open`. */
function trackStreams(
  definition: ServiceDefinition,
  handlers: UntypedServiceImplementation,
  open: Set<StreamedCall>,
): UntypedServiceImplementation {
  const tracked = { ...handlers };
  for (const [key, { requestStream, responseStream, originalName }] of Object.entries(definition)) {
    const name = originalName ?? key;
    const handle = handlers[name] as ((call: StreamedCall) => void) | undefined;
    if (requestStream || !responseStream || !handle) continue;
    tracked[name] = (call: StreamedCall): void => {
      open.add(call);
      call.on("close", () => open.delete(call));
      call.on("cancelled", () => open.delete(call));
      handle(call);
    };
  }
  return tracked;
}

/** The health service's `watch`, which by itself would stay open. */
function endWhenDraining(handlers: UntypedServiceImplementation): UntypedServiceImplementation {
  const watch = handlers["watch"] as (call: StreamedCall) => void;
  return {
    ...handlers,
    watch: (call: StreamedCall): void => {
      call.on(drainingEvent, () => call.end());
      watch(call);
    },
  };
}

async function shutdown(server: Server, listener: PortListener, graceMs: number): Promise<void> {
  const timer = setTimeout(() => {
    server.forceShutdown();
    // After a shutdown was asked for, grpc-js only ends its side of a connection, and waits for the peer to end the other.
    listener.cut();
  }, graceMs);
  const closed = listener.close();
  await new Promise((resolve) => {
    server.tryShutdown(resolve);
  });
  await closed;
  clearTimeout(timer);
}
