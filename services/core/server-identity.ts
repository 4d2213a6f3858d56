/** Which server answers, or which one a call is meant for. */
export interface ServerIdentity {
  /** Empty: not known. */
  readonly clusterId: string;
  /** Of a call, empty: any server of the cluster. Of a server, empty: it is a master. */
  readonly storeId: string;
}

/** What a call says that any server may answer: its caller does not know a cluster yet. */
export const anyServer: ServerIdentity = { clusterId: "", storeId: "" };

/** A server in a sentence: `store-2 of cluster 1f0c`, `the master of cluster 1f0c`. */
export function describeServer({ clusterId, storeId }: ServerIdentity): string {
  const server = storeId === "" ? "the master" : storeId;
  return clusterId === "" ? `${server} (in no cluster yet)` : `${server} of cluster ${clusterId}`;
}

/** Whom a call is meant for, in a sentence. */
export function describeExpected({ clusterId, storeId }: ServerIdentity): string {
  if (storeId === "") return `cluster ${clusterId}`;
  return clusterId === "" ? storeId : `${storeId} of cluster ${clusterId}`;
}
