import { type ChannelOptions, Client, credentials } from "@grpc/grpc-js";

/** The way to one server: what this project uses of a grpc-js `Client`. The simulator has one of its own. */
export type Channel = Pick<
  Client,
  "makeUnaryRequest" | "makeBidiStreamRequest" | "makeServerStreamRequest" | "waitForReady" | "close"
>;

/** Opens a channel to host:port. It connects at the first call. */
export type OpenChannel = (address: string, options: ChannelOptions) => Channel;

/** Opens real channels. Each has its own connection: one that fails is no other's trouble. */
export const openGrpcChannel: OpenChannel = (address, options) =>
  new Client(address, credentials.createInsecure(), { ...options, "grpc.use_local_subchannel_pool": 1 });
