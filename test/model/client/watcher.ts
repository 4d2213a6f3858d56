import { compareVersions, newerOf, zeroVersion } from "../replica/version.js";
import { writeName } from "../replica/write.js";
import type { World } from "../world/world.js";

/** Follows the writes of a partition, from whoever says that it is the primary, and resumes where it was. */
export class Watcher {
  readonly partition: number;
  /** Names of the writes that it has seen, in order; after a compaction also of those that a scan would have shown. */
  readonly seen: string[] = [];
  readonly #world: World;
  #position = zeroVersion;

  constructor(world: World, partition: number) {
    this.#world = world;
    this.partition = partition;
  }

  /** Asks one of the stores that believe to be primary for what is new. */
  poll(): void {
    const { stores, random, rules, observations } = this.#world;
    const able = stores.filter(
      (store) => store.isPrimaryOf(this.partition) && store.group(this.partition).primary?.hasServed,
    );
    if (able.length === 0) return;
    const { primary, replica } = random.pick(able).group(this.partition);
    if (!primary || !replica) return;
    primary.settle();
    if (compareVersions(replica.logBase, this.#position) > 0) {
      if (compareVersions(this.#position, primary.committed) >= 0) return;
      this.#rescan(replica.lineage, replica.lineage.length - replica.log.length);
      this.#position = replica.logBase;
    }
    for (const write of replica.log) {
      const isSeen = rules.keep("a watch resumes by epoch and seq")
        ? compareVersions(write.version, this.#position) <= 0
        : write.version.seq <= this.#position.seq;
      if (isSeen) continue;
      const isCommitted = compareVersions(write.version, primary.committed) <= 0;
      if (!isCommitted && rules.keep("a watch delivers what is committed")) break;
      this.seen.push(writeName(write));
      this.#position = newerOf(this.#position, write.version);
      observations.count("events watched");
    }
  }

  /** The log begins later than where the watch was: a scan stands for what is missing. */
  #rescan(lineage: readonly string[], count: number): void {
    this.#world.observations.count("watches compacted");
    this.seen.splice(0, this.seen.length, ...lineage.slice(0, count));
  }
}
