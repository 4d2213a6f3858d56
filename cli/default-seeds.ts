/** Where `ekv` looks for a cluster: the master of `ekv up` and its first stores, which answer while the master is down. */
export const defaultSeeds: readonly string[] = ["127.0.0.1:7400", "127.0.0.1:7401", "127.0.0.1:7402"];
