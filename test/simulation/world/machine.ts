import { Network } from "./network.js";
import { type LogLine, SimProcess } from "./process.js";
import type { SeededRandom } from "./random.js";
import { World } from "./world.js";

const linesMax = 2000;

/** Clocks of a machine: how fast they run, and how far the wall clock was set off. */
export interface MachineClock {
  /** 1: as the world's. */
  rate: number;
  wallOffsetMs: number;
}

/** The machines of a simulation, and the network between them. */
export class Machines {
  readonly world: World;
  readonly network: Network;
  /** The last lines that processes logged. */
  readonly lines: LogLine[] = [];
  /** Called with every line. */
  onLine: (line: LogLine) => void = () => undefined;
  readonly #clocks = new Map<string, MachineClock>();

  constructor(random: SeededRandom) {
    this.world = new World(random);
    this.network = new Network(this.world);
  }

  /** The clock of a machine, to be set off. */
  clock(host: string): MachineClock {
    const known = this.#clocks.get(host);
    if (known) return known;
    const clock = { rate: 1, wallOffsetMs: 0 };
    this.#clocks.set(host, clock);
    return clock;
  }

  /** The rates of the slowest and of the fastest clock. */
  clockRates(): { readonly rateMin: number; readonly rateMax: number } {
    const rates = [1, ...[...this.#clocks.values()].map(({ rate }) => rate)];
    return { rateMin: Math.min(...rates), rateMax: Math.max(...rates) };
  }

  /** Starts a process on a machine. */
  spawn(host: string): SimProcess {
    const clock = this.clock(host);
    return new SimProcess(this.world, {
      name: host,
      host,
      rate: clock.rate,
      wallOffsetMs: () => clock.wallOffsetMs,
      onLine: (line) => this.log(line),
    });
  }

  log(line: LogLine): void {
    this.lines.push(line);
    if (this.lines.length > 2 * linesMax) this.lines.splice(0, linesMax);
    this.onLine(line);
  }
}
