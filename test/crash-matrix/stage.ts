import { type Client, codecs, connect } from "../../client/index.js";
import { type ClientProcess, startClientProcess } from "./client-process.js";
import { CrashCluster } from "./crash-cluster.js";
import { callDeadlineMs } from "./timing.js";

/** Keys that nobody writes: what is copied. */
const fillerKeys: readonly string[] = Array.from({ length: 5000 }, (_, i) => `filler-${i}`);
const fillerValue = "x".repeat(30);

/** What a round runs on: a cluster with data, a client of this process, and one of its own. */
export class Stage {
  readonly cluster: CrashCluster;
  readonly here: Client<string>;
  readonly #seeds: readonly string[];
  #there: ClientProcess;

  private constructor(cluster: CrashCluster, here: Client<string>, seeds: readonly string[]) {
    this.cluster = cluster;
    this.here = here;
    this.#seeds = seeds;
    this.#there = startClientProcess(seeds);
  }

  static async form(): Promise<Stage> {
    const cluster = new CrashCluster();
    try {
      await cluster.form();
      const seeds = [cluster.masterAddress, cluster.storeAddress("store-1")];
      const here = await connect({ seeds, codec: codecs.string, deadlineMs: callDeadlineMs });
      await here.putMany(fillerKeys.map((key) => [key, fillerValue]));
      return new Stage(cluster, here, seeds);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get there(): ClientProcess {
    return this.#there;
  }

  /** Puts a new process in the place of one that was killed. */
  replaceThere(): void {
    this.#there = startClientProcess(this.#seeds);
  }

  get fillerCount(): number {
    return fillerKeys.length;
  }

  /** Throws when not every filler key reads as it was written. */
  readonly checkFiller = async (client: Client<string>): Promise<void> => {
    const values = await client.getMany(fillerKeys);
    const lost = values.filter((value) => value !== fillerValue).length;
    if (lost > 0) throw new Error(`${lost} of ${fillerKeys.length} acknowledged keys are gone or changed`);
  };

  /** Ends every process, and deletes the data. */
  async close(): Promise<void> {
    // Calls in flight have no store any more: they end by their deadline, which nobody waits for.
    void this.here.close();
    await this.#there.kill();
    await this.cluster.stop();
  }
}
