import type { Machines } from "./world/machine.js";
import type { SimProcess } from "./world/process.js";

/** A process that is started again whenever it ends, as by a launcher or an init system. */
export abstract class SimNode {
  readonly host: string;
  readonly machines: Machines;
  #process: SimProcess | undefined;
  #restart: (() => void) | undefined;
  /** Whether it is to run. */
  wanted = true;

  constructor(machines: Machines, host: string) {
    this.machines = machines;
    this.host = host;
  }

  /** The process that runs now. */
  get process(): SimProcess | undefined {
    return this.#process;
  }

  start(): void {
    this.#restart?.();
    this.#restart = undefined;
    if (this.#process || !this.wanted) return;
    this.machines.network.setDark(this.host, false);
    const process = this.machines.spawn(this.host);
    this.#process = process;
    process.onEnd(() => {
      if (this.#process === process) this.#process = undefined;
    });
    process.later(0, "starts", () => this.run(process));
  }

  /** Kills the process, as by `kill -9`; it is started again after a while. */
  crash(restartUs: number): void {
    const process = this.#process;
    if (process === undefined) return;
    this.#process = undefined;
    process.end();
    this.restartIn(restartUs);
  }

  /** Cuts the machine's power. Nobody is told. */
  async cutPower(restartUs: number): Promise<void> {
    this.machines.network.setDark(this.host, true);
    this.crash(restartUs);
    await this.losePower();
  }

  /** Starts again what has ended by itself. */
  restartIn(delayUs: number): void {
    this.#restart?.();
    this.#restart = this.machines.world.after(delayUs, `${this.host} is started again`, () => this.start());
  }

  /** Undoes what faults did to the node. */
  heal(): void {
    if (this.#process?.paused) this.#process.resume();
    if (this.#process === undefined) this.start();
    this.mend();
  }

  protected abstract run(process: SimProcess): void;
  protected abstract losePower(): Promise<void>;
  protected abstract mend(): void;
}
