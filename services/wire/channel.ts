import { type ChannelOptions, Client, connectivityState, credentials, experimental } from "@grpc/grpc-js";

/** The way to one server: what this project uses of a grpc-js `Client`. The simulator has one of its own. */
export type Channel = Pick<
  Client,
  "makeUnaryRequest" | "makeBidiStreamRequest" | "makeServerStreamRequest" | "waitForReady" | "close"
>;

/** Opens a channel to host:port. It connects at the first call. */
export type OpenChannel = (address: string, options: ChannelOptions) => Channel;

/** Opens real channels. Each has its own connection: one that fails is no other's trouble. */
export const openGrpcChannel: OpenChannel = (address, options) => new GrpcChannel(address, options);

/** Names whose addresses carry their channel's signal: `elastic-kv:host:port`. */
const scheme = "elastic-kv";
/** The channel option that the signal travels in. */
const signalOption = "elastic-kv.abandon";

/**
 * A grpc-js client that gives up its attempt to connect when it is closed. grpc-js would leave it to the operating system,
 * which tries to reach a host that is gone for two minutes, and holds the process that long.
 */
class GrpcChannel extends Client {
  readonly #abandon: AbortController;

  constructor(address: string, options: ChannelOptions) {
    const abandon = new AbortController();
    super(`${scheme}:${address}`, credentials.createInsecure(), {
      ...options,
      "grpc.use_local_subchannel_pool": 1,
      [signalOption]: abandon.signal,
    });
    this.#abandon = abandon;
  }

  override close(): void {
    const state = this.getChannel().getConnectivityState(false);
    super.close();
    // A connection that stands is left to end in an orderly way.
    const isConnecting =
      state === connectivityState.CONNECTING || state === connectivityState.TRANSIENT_FAILURE;
    if (isConnecting) this.#abandon.abort();
  }
}

/**
 * grpc-js's own resolver, with the channel's signal added to what it finds: grpc-js hands addresses to `net.connect` as
 * they are, and that takes a signal.
 */
class AbandonableResolver implements experimental.Resolver {
  readonly #resolver: experimental.Resolver;

  constructor(
    { path }: experimental.GrpcUri,
    listener: experimental.ResolverListener,
    options: ChannelOptions,
  ) {
    const signal: unknown = options[signalOption];
    const signalled: experimental.ResolverListener = (found, ...rest) => {
      if (!found.ok) return listener(found, ...rest);
      const value = found.value.map(({ addresses }) => ({
        addresses: addresses.map((address) => ({ ...address, signal })),
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
