import { join } from "node:path";
import type { PeerAddress } from "../peers/session.js";
import { startLimit } from "../processes/limit.js";
import { fillPeer } from "../processes/load-process.js";
import type { StartSystem } from "./system.js";

/** Our pipeline with nothing behind it, through the SDK. */
export const startNullStore: StartSystem = async ({ valueBytes, profileFolder }) => {
  const { address, process } = await startLimit("null-store", valueBytes, { profileFolder });
  const peer = { kind: "elastic", seeds: [address] } as const;
  return {
    subjects: [{ name: "null store", peer, serverPids: [process.pid] }],
    stop: () => process.stop(),
  };
};

/** A grpc-js stream with our columns and LMDB alone behind it: the least that a durable store on LMDB does. */
export const startBarePipeline: StartSystem = async (options) => {
  const { valueBytes, profileFolder } = options;
  const folder = join(options.folder, "bare-pipeline");
  const { address, process } = await startLimit("bare-pipeline", valueBytes, { profileFolder }, folder);
  const peer: PeerAddress = { kind: "bare-pipeline", address };
  await fillPeer(peer, options);
  return {
    subjects: [{ name: "bare pipeline", peer, serverPids: [process.pid] }],
    stop: () => process.stop(),
  };
};

/** A grpc-js server with nothing in it, through unary calls. */
export const startBareServer: StartSystem = async ({ valueBytes }) => {
  const { address, process } = await startLimit("bare-server", valueBytes);
  return {
    subjects: [{ name: "bare grpc-js, unary", peer: { kind: "unary", address }, serverPids: [process.pid] }],
    stop: () => process.stop(),
  };
};

/** A TCP socket that sends back what it gets. */
export const startEcho: StartSystem = async ({ valueBytes }) => {
  const { address, process } = await startLimit("echo-server", valueBytes);
  const port = Number(address.split(":")[1]);
  return {
    subjects: [{ name: "tcp echo", peer: { kind: "echo", port, valueBytes }, serverPids: [process.pid] }],
    stop: () => process.stop(),
  };
};
