import type { ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import { EkvError } from "../core/errors.js";
import { decodeBounded, unreadableBy } from "../wire/bounded-reader.js";
import { toServiceError } from "../wire/errors.js";

/*
 * What comes over the network is read here, before any handler sees it. grpc-js answers INTERNAL when a decoder throws,
 * which blames the server for the caller's bytes. So decoders do not throw here: what cannot be read becomes an
 * UnreadableMessage, and the call is answered INVALID_ARGUMENT in its handler's place.
 */

/** Stands where a message would that could not be read. */
class UnreadableMessage {
  readonly error: EkvError;
  constructor(error: EkvError) {
    this.error = error;
  }
}

/** How the messages of a service are read. */
export interface DecodingOptions {
  /** Most fields and 32-bit numbers in one message; undefined for services whose decoders are not ts-proto's. */
  readonly itemsMax: number | undefined;
}

/** A service's definition whose decoders never throw. Its handlers must be those of {@link refuseUnreadable}. */
export function decodeSafely(
  definition: ServiceDefinition,
  { itemsMax }: DecodingOptions,
): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(definition).map(([name, method]) => {
      // Generated decoders take a reader in the place of bytes; the definition's type does not say so.
      const decode = method.requestDeserialize as (bytes: unknown) => unknown;
      const requestDeserialize = (bytes: Buffer): unknown => {
        try {
          return itemsMax === undefined ? decode(bytes) : decodeBounded(decode, bytes, itemsMax);
        } catch (error) {
          return new UnreadableMessage(error instanceof EkvError ? error : unreadableBy(error));
        }
      };
      return [name, { ...method, requestDeserialize }];
    }),
  );
}

type Callback = (error: ReturnType<typeof toServiceError>) => void;
type Received = ServerDuplexStream<unknown, unknown> & { readonly request: unknown };
type Handler = (call: Received, callback: Callback) => void;

/** Handlers that answer an unreadable message in the place of those given, which see readable ones alone. */
export function refuseUnreadable(
  definition: ServiceDefinition,
  handlers: UntypedServiceImplementation,
): UntypedServiceImplementation {
  const guarded = { ...handlers };
  for (const [key, { requestStream, responseStream, originalName }] of Object.entries(definition)) {
    const name = originalName ?? key;
    const handle = handlers[name] as unknown as Handler | undefined;
    if (handle === undefined) continue;
    const guard: Handler = requestStream
      ? (call: Received, callback: Callback): void => {
          refuseInStream(call);
          handle(call, callback);
        }
      : (call: Received, callback: Callback): void => {
          if (!(call.request instanceof UnreadableMessage)) return handle(call, callback);
          const refusal = toServiceError(call.request.error);
          if (responseStream) call.emit("error", refusal);
          else callback(refusal);
        };
    guarded[name] = guard as unknown as UntypedServiceImplementation[string];
  }
  return guarded;
}

/** Ends a stream at its first unreadable message; nothing after it is handed on. */
function refuseInStream(call: Received): void {
  const push = call.push.bind(call);
  let refused = false;
  call.push = (message: unknown): boolean => {
    if (refused) return false;
    if (!(message instanceof UnreadableMessage)) return push(message);
    refused = true;
    const { code, message: text, violations } = message.error;
    // Not "not executed": earlier messages of the stream may have been.
    call.emit("error", toServiceError(new EkvError(code, text, { violations })));
    return false;
  };
}
