import { type ChannelOptions, Client, connectivityState, credentials, experimental } from "@grpc/grpc-js";

/** The way to one server: what this project uses of a grpc-js `Client`. The simulator has one of its own. */
export type Channel = Pick<
  Client,
  "makeUnaryRequest" | "makeBidiStreamRequest" | "makeServerStreamRequest" | "waitForReady" | "close"
>;

/** Opens a channel to host:port. It connects at the first call. */
export type OpenChannel = (address: string, options: ChannelOptions) => Channel;

const common: ChannelOptions = {
  // Each has its own connection: one that fails is no other's trouble.
  "grpc.use_local_subchannel_pool": 1,
  // What was restarted in a container or a pod is at another address of the same name. By itself grpc-js would look up a
  // name that it has looked up only 30 s later, and go on knocking where nobody is.
  "grpc.dns_min_time_between_resolutions_ms": 1000,
  // Nobody keeps service configs in TXT records: without this, each name is asked for one.
  "grpc.service_config_disable_resolution": 1,
};

/** Opens real channels. */
export const openGrpcChannel: OpenChannel = (address, options) => new GrpcChannel(address, options);

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

/** The channel option with what makes a signal for an attempt to connect. */
const signalOption = "elastic-kv.signal";
/** Attempts that a channel can give up. More than are ever under way: one for each address of a name, a moment apart. */
const attemptsMax = 16;

/**
 * A grpc-js client that gives up its attempts to connect when it is closed. grpc-js would leave them to the operating
 * system, which tries to reach a host that is gone for two minutes, and holds the process that long.
 */
class GrpcChannel extends Client {
  /** The latest, over or not. Each has a signal of its own: a socket keeps its listener on it for good. */
  readonly #attempts: AbortController[];

  constructor(address: string, options: ChannelOptions) {
    const attempts: AbortController[] = [];
    super(`${scheme}:${address}`, credentials.createInsecure(), {
      ...common,
      ...options,
      [signalOption]: (): AbortSignal => {
        const attempt = new AbortController();
        if (attempts.push(attempt) > attemptsMax) attempts.shift();
        return attempt.signal;
      },
    });
    this.#attempts = attempts;
  }

  override close(): void {
    const state = this.getChannel().getConnectivityState(false);
    super.close();
    // A connection that stands is left to end in an orderly way.
    const isConnecting =
      state === connectivityState.CONNECTING || state === connectivityState.TRANSIENT_FAILURE;
    if (isConnecting) for (const attempt of this.#attempts) attempt.abort();
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
    const newSignal = options[signalOption] as () => AbortSignal;
    const signalled: experimental.ResolverListener = (found, ...rest) => {
      if (!found.ok) return listener(found, ...rest);
      const value = found.value.map(({ addresses }) => ({
        addresses: addresses.map((address) => ({
          ...address,
          get signal(): AbortSignal {
            return newSignal();
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
