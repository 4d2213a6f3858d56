/** One connection to a peer, as an application would have it. Every method rejects when the call failed. */
export interface Session {
  /** Resolves with the value, or with null or undefined when the key does not exist. */
  get(key: string): Promise<unknown>;
  put(key: string, value: Buffer): Promise<unknown>;
  delete?(key: string): Promise<unknown>;
  /** Reads up to so many entries: from the key on where the peer keeps keys in order, else those with its prefix. */
  scan?(key: string, length: number): Promise<unknown>;
  close(): Promise<void>;
}

/** Where a peer is, and which client to use. */
export type PeerAddress =
  /** Elastic-KV, or the null store, through the SDK. */
  | { readonly kind: "elastic"; readonly seeds: readonly string[] }
  /** A store, or the bare server, through unary gRPC calls. */
  | { readonly kind: "unary"; readonly address: string }
  /** The bare pipeline, by its own client. */
  | { readonly kind: "bare-pipeline"; readonly address: string }
  | { readonly kind: "ioredis"; readonly ports: readonly number[]; readonly autoPipelining: boolean }
  | { readonly kind: "node-redis"; readonly ports: readonly number[] }
  | { readonly kind: "etcd"; readonly host: string }
  /** A TCP echo of frames of so many bytes. */
  | { readonly kind: "echo"; readonly port: number; readonly valueBytes: number };

/** Most calls in flight that a client must take. */
export const callsInFlightMax = 1_000_000;
