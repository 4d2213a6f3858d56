import type {
  Metadata,
  ServerDuplexStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { identityViolation } from "../core/checks.js";
import type { ServerIdentity } from "../core/server-identity.js";
import { toServiceError } from "../wire/errors.js";
import { expectedServer } from "../wire/server-identity.js";

type Received = ServerDuplexStream<unknown, unknown> & { readonly metadata: Metadata };
type Callback = (error: ReturnType<typeof toServiceError>) => void;
type Handler = (call: Received, callback: Callback) => void;

/**
 * Handlers that refuse the calls that are meant for another server, before those given see them: an address outlives the
 * server that had it. Wraps every method of a service, so that a new one is guarded too.
 *
 * @param own this server, asked at each call: a store learns its cluster when it has joined
 */
export function refuseMisdirected(
  definition: ServiceDefinition,
  handlers: UntypedServiceImplementation,
  own: () => ServerIdentity,
): UntypedServiceImplementation {
  const guarded = { ...handlers };
  for (const [key, { requestStream, responseStream, originalName }] of Object.entries(definition)) {
    const name = originalName ?? key;
    const handle = handlers[name] as unknown as Handler | undefined;
    if (handle === undefined) continue;
    const hasCallback = !requestStream && !responseStream;
    const guard: Handler = (call, callback) => {
      const violation = identityViolation(expectedServer(call.metadata), own());
      if (violation === undefined) return handle(call, callback);
      const refusal = toServiceError(violation);
      if (hasCallback) callback(refusal);
      else call.emit("error", refusal);
    };
    guarded[name] = guard as unknown as UntypedServiceImplementation[string];
  }
  return guarded;
}
