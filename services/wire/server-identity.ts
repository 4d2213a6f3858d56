/** Which server a call is meant for, as its metadata says it. */
import { Metadata } from "@grpc/grpc-js";
import type { ServerIdentity } from "../core/server-identity.js";
import type { Channel } from "./channel.js";

/** Metadata of a call: the cluster that it is meant for. */
const clusterIdHeader = "elastickv-cluster-id";
/** Metadata of a call: the store that it is meant for. */
const storeIdHeader = "elastickv-store-id";

/** Whom a call's metadata names; what it does not name is empty. */
export function expectedServer(metadata: Metadata): ServerIdentity {
  return { clusterId: textOf(metadata, clusterIdHeader), storeId: textOf(metadata, storeIdHeader) };
}

function textOf(metadata: Metadata, header: string): string {
  const [text] = metadata.get(header);
  return typeof text === "string" ? text : "";
}

/** The metadata of a call that is meant for a server. */
export function metadataFor(expected: ServerIdentity): Metadata {
  return addExpected(new Metadata(), expected);
}

function addExpected(metadata: Metadata, { clusterId, storeId }: ServerIdentity): Metadata {
  if (clusterId !== "") metadata.set(clusterIdHeader, clusterId);
  if (storeId !== "") metadata.set(storeIdHeader, storeId);
  return metadata;
}

type UntypedMethod = (...args: unknown[]) => unknown;

/** A channel that adds to the metadata of every call whom it is meant for. What a call does not name, any server may be. */
export function identifyCalls(channel: Channel, expected: ServerIdentity): Channel {
  if (expected.clusterId === "" && expected.storeId === "") return channel;
  // grpc-js copies what it is given, so that one serves all calls.
  const shared = metadataFor(expected);
  /** Path, the two codecs and, unless the caller streams, the request come before a call's metadata. */
  const identify =
    (method: UntypedMethod, metadataAt: number): UntypedMethod =>
    (...args) => {
      const given = args[metadataAt];
      if (given instanceof Metadata) addExpected(given, expected);
      else args.splice(metadataAt, 0, shared);
      return method.apply(channel, args);
    };
  return {
    makeUnaryRequest: identify(channel.makeUnaryRequest as UntypedMethod, 4) as Channel["makeUnaryRequest"],
    makeServerStreamRequest: identify(
      channel.makeServerStreamRequest as UntypedMethod,
      4,
    ) as Channel["makeServerStreamRequest"],
    makeBidiStreamRequest: identify(
      channel.makeBidiStreamRequest as UntypedMethod,
      3,
    ) as Channel["makeBidiStreamRequest"],
    waitForReady: (deadline, callback) => channel.waitForReady(deadline, callback),
    close: () => channel.close(),
  };
}
