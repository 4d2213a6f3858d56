/** What a cluster is and what happens to it. */
export interface ModelOptions {
  /** Replicas of a partition at first: 1 to 3. */
  readonly factor: number;
  readonly stores: number;
  readonly partitions: number;
  /** Steps before everything is healed. */
  readonly steps: number;
  /** Power cuts, beside kills. */
  readonly power: boolean;
  /** Stores that never come back. */
  readonly deaths: boolean;
  /** Clocks run at different rates. */
  readonly drift: boolean;
  /**
   * One key a partition, many reads, more time, and primaries that do not hear of their successors: what brings leases to the test.
   * Without power cuts: a store that has lost its data is no reader.
   */
  readonly leases: boolean;
  /** A new primary serves before the former leases are out, and holds acknowledgements back. */
  readonly early: boolean;
  /** Hand-offs without the master in the pause: the entry names the successor beforehand. */
  readonly armed: boolean;
  /** A store whose process alone was killed is renamed in place. */
  readonly renames: boolean;
}

/** Four stores, two partitions, power cuts and drifting clocks. */
export const basicOptions: ModelOptions = {
  factor: 2,
  stores: 4,
  partitions: 2,
  steps: 600,
  power: true,
  deaths: false,
  drift: true,
  leases: false,
  early: false,
  armed: false,
  renames: false,
};
