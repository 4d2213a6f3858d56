import type { OpenChannel } from "../../../services/wire/channel.js";
import { channelDefaults } from "../../../services/wire/grpc-channel.js";
import type { Listen } from "../../../services/runtime/grpc-server.js";
import { identifyCalls } from "../../../services/wire/server-identity.js";
import { SimChannel } from "./channel.js";
import type { Connection } from "./connection.js";
import type { SimProcess } from "./process.js";
import type { SeededRandom } from "./random.js";
import { SimServer } from "./server.js";
import type { World } from "./world.js";

/** Who answers at an address. */
export interface Listener {
  readonly process: SimProcess;
  readonly server: SimServer;
}

/**
 * Everything between processes. What TCP gives holds: bytes of a connection come in order and are not lost while it
 * lasts. A clogged way delays them until it is free; a broken connection loses what was on the way; a machine without
 * power answers nothing.
 */
export class Network {
  readonly world: World;
  readonly random: SeededRandom;
  readonly #listeners = new Map<string, Listener>();
  readonly #connections = new Set<Connection>();
  readonly #clogs = new Map<string, number>();
  readonly #dark = new Set<string>();
  /** Messages take this much longer. */
  slowUs = 0;
  /** When the message that is being delivered was sent. */
  sentUs = 0;
  /** Messages delivered. */
  messages = 0;

  constructor(world: World) {
    this.world = world;
    this.random = world.random.fork("network");
  }

  /** The way from a process to others. */
  channelsOf(process: SimProcess): OpenChannel {
    return (address, options, expected) => {
      const channel = new SimChannel(this, process, address, { ...channelDefaults, ...options });
      return identifyCalls(channel.asChannel(), expected);
    };
  }

  /** Lets a process listen. */
  listenerOf(process: SimProcess): Listen {
    return ({ host, port, services, identity }) => {
      const address = `${host}:${port}`;
      const server = new SimServer(this, process, address, services, identity);
      this.#listeners.set(address, { process, server });
      process.onEnd(() => this.unlisten(address, server));
      return Promise.resolve(server);
    };
  }

  unlisten(address: string, server: SimServer): void {
    if (this.#listeners.get(address)?.server === server) this.#listeners.delete(address);
  }

  listener(address: string): Listener | undefined {
    return this.#listeners.get(address);
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
  }

  remove(connection: Connection): void {
    this.#connections.delete(connection);
  }

  /** Connections at this moment, oldest first. */
  connections(): readonly Connection[] {
    return [...this.#connections];
  }

  /** How long a message takes now. */
  latencyUs(): number {
    const { random } = this;
    const base = random.between(80, 700) + this.slowUs * random.fraction();
    return random.chance(0.01) ? base + random.between(1000, 40_000) : base;
  }

  /** Lets nothing from one machine to another through for a while. */
  clog(from: string, to: string, forUs: number): void {
    const way = `${from}>${to}`;
    this.#clogs.set(way, Math.max(this.#clogs.get(way) ?? 0, this.world.nowUs + forUs));
  }

  /** Frees every way. */
  heal(): void {
    this.#clogs.clear();
    this.slowUs = 0;
  }

  isClogged(from: string, to: string): boolean {
    return (this.#clogs.get(`${from}>${to}`) ?? 0) > this.world.nowUs;
  }

  /** Whether bytes sent now would arrive: the way is free, and the machine has power. */
  reaches(from: string, to: string): boolean {
    return !this.#dark.has(to) && !this.isClogged(from, to);
  }

  isDark(host: string): boolean {
    return this.#dark.has(host);
  }

  setDark(host: string, dark: boolean): void {
    if (dark) this.#dark.add(host);
    else this.#dark.delete(host);
  }
}
