import type { Client } from "../../../client/client.js";
import type { SimProcess } from "../world/process.js";

/** Data that is written once and then only read: what moves have to carry, and scans have to find. */
export class Bulk {
  readonly prefix = "bulk/";
  readonly #count: number;
  readonly #written = new Map<string, string>();
  readonly problems: string[] = [];
  #stopped = false;
  #scans = 0;

  constructor(count: number) {
    this.#count = count;
  }

  /** Scans that ended, and were complete. */
  get scans(): number {
    return this.#scans;
  }

  /** Keys known to be written. */
  get written(): ReadonlyMap<string, string> {
    return this.#written;
  }

  get loaded(): boolean {
    return this.#written.size === this.#count;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Writes everything, then scans without end. */
  async run(client: Client<string>, process: SimProcess): Promise<void> {
    for (let i = 0; i < this.#count && process.alive && !this.#stopped;) {
      const key = `${this.prefix}${String(i).padStart(4, "0")}`;
      const value = `value of ${key} `.repeat(1 + (i % 40));
      try {
        await client.put(key, value);
        this.#written.set(key, value);
        i += 1;
      } catch {
        // Written again: the value is the same.
      }
    }
    while (process.alive && !this.#stopped) {
      await this.scan(client);
      await new Promise<void>((resolve) => {
        process.clock.setTimer(process.random.between(100, 900), resolve);
      });
    }
  }

  /** Every key that exists unchanged for the whole scan has to come, once, with its value. */
  async scan(client: Client<string>): Promise<boolean> {
    const expected = new Map(this.#written);
    const found = new Set<string>();
    try {
      for await (const { key, value } of client.scan({ prefix: this.prefix })) {
        const name = key.toString();
        if (found.has(name)) this.problems.push(`a scan told ${name} twice`);
        found.add(name);
        const right = expected.get(name);
        if (right !== undefined && right !== value)
          this.problems.push(`a scan told a wrong value of ${name}`);
      }
    } catch {
      return false;
    }
    const missing = [...expected.keys()].filter((key) => !found.has(key));
    if (missing.length > 0) this.problems.push(`a scan left out ${missing.join(", ")}`);
    this.#scans += 1;
    return true;
  }
}
