import { type ChannelOptions, Client, connectivityState, credentials, experimental } from "@grpc/grpc-js";
import { backoffs, limits } from "../core/limits.js";
import type { OpenChannel } from "./channel.js";
import { identifyCalls } from "./server-identity.js";

/** What every channel has in common. Options of one channel take precedence. */
export const channelDefaults: ChannelOptions = {
  // Each has its own connection: one that fails is no other's trouble.
  "grpc.use_local_subchannel_pool": 1,
  // The servers of a cluster reach each other directly, as pipelines and moves do, which are no HTTP. By itself grpc-js
  // sends even what is meant for 127.0.0.1 to the proxy that `http_proxy` names.
  "grpc.enable_http_proxy": 0,
  // What was restarted in a container or a pod is at another address of the same name: the name is looked up at each
  // attempt. By itself grpc-js would look it up again only 30 s later, and go on knocking where nobody is.
  "grpc.dns_min_time_between_resolutions_ms": 0,
  // By itself grpc-js would wait up to two minutes for a server, or a name, that was away for long.
  "grpc.initial_reconnect_backoff_ms": backoffs.channel.firstMs,
  "grpc.max_reconnect_backoff_ms": backoffs.channel.maxMs,
  // A link that died without a word is found while there is time to repeat the call.
  "grpc.keepalive_time_ms": limits.keepaliveMs,
  "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
  // Nobody keeps service configs in TXT records: without this, each name is asked for one.
  "grpc.service_config_disable_resolution": 1,
};

/** Opens real channels. */
export const openGrpcChannel: OpenChannel = (address, options, expected) =>
  identifyCalls(new GrpcChannel(address, options), expected);

/** Names whose addresses carry a signal: `elastic-kv:host:port`. */
const scheme = "elastic-kv";
/**
 * Whether a call that failed was never given to a connection, so that no server has seen it. Until then grpc-js names the
 * channel's target as the call's peer, afterwards the address of the connection. True too for a call that waited for a
 * connection until its deadline, and for one that the server's transport handed back untouched.
 */
export function neverLeft(call: { getPeer(): string }): boolean {
  return call.getPeer().startsWith(`${scheme}:`);
}

/** The channel option with the channel's {@link Attempts}. */
const attemptsOption = "elastic-kv.attempts";

/**
 * A channel's attempts to connect, each with a signal that gives it up: a socket keeps its listener on it for good. grpc-js
 * would leave them to the operating system, which tries for two minutes to reach a host that is gone.
 */
class Attempts {
  /** The latest attempt of each address, over or not: the next one begins only when it is. */
  readonly #latest = new Map<
    string,
    { readonly controller: AbortController; readonly timer: NodeJS.Timeout }
  >();
  readonly #isConnecting: () => boolean;

  constructor(isConnecting: () => boolean) {
    this.#isConnecting = isConnecting;
  }

  /** Begins one, which ends when it takes too long. */
  begin(address: string): AbortSignal {
    clearTimeout(this.#latest.get(address)?.timer);
    const controller = new AbortController();
    const timer = setTimeout(() => {
      // A connection that stands must not be cut.
      if (this.#isConnecting()) controller.abort();
    }, limits.connectMs).unref();
    this.#latest.set(address, { controller, timer });
    return controller.signal;
  }

  end(): void {
    const isConnecting = this.#isConnecting();
    for (const { controller, timer } of this.#latest.values()) {
      clearTimeout(timer);
      if (isConnecting) controller.abort();
    }
    this.#latest.clear();
  }
}

/** A grpc-js client that gives up its attempts to connect when they take too long, and when it is closed. */
class GrpcChannel extends Client {
  readonly #attempts: Attempts;

  constructor(address: string, options: ChannelOptions) {
    const attempts = new Attempts(() => {
      const state = this.getChannel().getConnectivityState(false);
      return state === connectivityState.CONNECTING || state === connectivityState.TRANSIENT_FAILURE;
    });
    super(`${scheme}:${address}`, credentials.createInsecure(), {
      ...channelDefaults,
      ...options,
      [attemptsOption]: attempts,
    });
    this.#attempts = attempts;
  }

  override close(): void {
    this.#attempts.end();
    super.close();
  }
}

/**
 * grpc-js's own resolver, with signals added to what it finds: grpc-js hands an address to `net.connect` as it is, at each
 * attempt, and that takes a signal.
 */
class AbandonableResolver implements experimental.Resolver {
  readonly #resolver: experimental.Resolver;

  constructor(
    { path }: experimental.GrpcUri,
    listener: experimental.ResolverListener,
    options: ChannelOptions,
  ) {
    const attempts = options[attemptsOption] as Attempts;
    const signalled: experimental.ResolverListener = (found, ...rest) => {
      if (!found.ok) return listener(found, ...rest);
      const value = found.value.map(({ addresses }) => ({
        addresses: addresses.map((address) => ({
          ...address,
          get signal(): AbortSignal {
            return attempts.begin(JSON.stringify(address));
          },
        })),
      }));
      return listener({ ok: true, value }, ...rest);
    };
    this.#resolver = experimental.createResolver({ scheme: "dns", path }, signalled, options);
  }

  updateResolution(): void {
    this.#resolver.updateResolution();
  }

  destroy(): void {
    this.#resolver.destroy();
  }

  static getDefaultAuthority({ path }: experimental.GrpcUri): string {
    return path;
  }
}

experimental.registerResolver(scheme, AbandonableResolver);
