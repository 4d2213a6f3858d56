import type { PeerAddress } from "../../peers/session.js";

/** What one resize moved. */
export interface MoveFigures {
  readonly keys: number;
  readonly seconds: number;
  /** Partitions or slots that moved, over the fewest that had to. Undefined when it is not told. */
  readonly movedOverMinimum: number | undefined;
  /** How long hand-offs made calls of one partition wait. Undefined when it is not told. */
  readonly pauses: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number } | undefined;
}

/** A cluster that can be made larger by one and smaller again. */
export interface Resizing {
  readonly name: string;
  readonly peer: PeerAddress;
  /** Makes ready everything that a new member needs before data moves to it. */
  prepare(): Promise<void>;
  /** Moves its share to the member that was made ready. `moving` is called when the first data moves. */
  grow(moving: () => void): Promise<MoveFigures>;
  /** Back to where it was. */
  shrink(): Promise<void>;
  stop(): Promise<void>;
}
