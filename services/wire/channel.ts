import type { ChannelOptions, Client } from "@grpc/grpc-js";
import type { ServerIdentity } from "../core/server-identity.js";

/** The way to one server: what this project uses of a grpc-js `Client`. The simulator has one of its own. */
export type Channel = Pick<
  Client,
  "makeUnaryRequest" | "makeBidiStreamRequest" | "makeServerStreamRequest" | "waitForReady" | "close"
>;

/**
 * Opens a channel to host:port. It connects at the first call. Every call says that it is meant for `expected`, and any
 * other server of ours refuses it; see `identifyCalls`.
 */
export type OpenChannel = (address: string, options: ChannelOptions, expected: ServerIdentity) => Channel;
