import type { ServerCall } from "./call.js";
import type { ClientCall } from "./client-call.js";
import type { Network } from "./network.js";
import type { SimProcess } from "./process.js";
import type { SimServer } from "./server.js";

/** How often a way that is not free is tried again. */
const retryUs = 20_000;

/** One side's view of a connection. */
type Side = "client" | "server";

/** Keepalive of one side, in microseconds. */
interface Keepalive {
  readonly everyUs: number;
  readonly timeoutUs: number;
}

const serverKeepalive: Keepalive = { everyUs: 60_000_000, timeoutUs: 20_000_000 };

/**
 * A TCP connection with HTTP/2 streams on it. Each side may know that it is broken while the other does not: it learns
 * so when it is told, when it sends something, or by keepalive.
 */
export class Connection {
  readonly network: Network;
  readonly client: SimProcess;
  readonly serverProcess: SimProcess;
  readonly server: SimServer;
  readonly clientCalls = new Set<ClientCall>();
  readonly serverCalls = new Set<ServerCall>();
  readonly #open = { client: true, server: true };
  /** Ended, and what it had handed to its kernel still comes. */
  readonly #flushing = { client: false, server: false };
  readonly #onClientBreak: (reason: string) => void;

  constructor(
    network: Network,
    sides: { readonly client: SimProcess; readonly serverProcess: SimProcess; readonly server: SimServer },
    keepalive: Keepalive | undefined,
    onClientBreak: (reason: string) => void,
  ) {
    this.network = network;
    this.client = sides.client;
    this.serverProcess = sides.serverProcess;
    this.server = sides.server;
    this.#onClientBreak = onClientBreak;
    network.add(this);
    this.client.onEnd(() => this.#died("client"));
    this.serverProcess.onEnd(() => this.#died("server"));
    if (keepalive) this.#keepAlive("client", keepalive);
    this.#keepAlive("server", serverKeepalive);
  }

  isOpen(side: Side): boolean {
    return this.#open[side];
  }

  /** Cuts it: each side is told, soon; what is on the way is lost. */
  cut(): void {
    for (const side of ["client", "server"] as const) this.#tell(side, "the connection was reset");
  }

  /** One side gives it up, and tells the other. */
  break(side: Side, reason: string): void {
    if (!this.#open[side]) return;
    this.#close(side, reason);
    const other: Side = side === "client" ? "server" : "client";
    if (this.#open[other]) this.#tell(other, "the peer closed the connection");
  }

  /**
   * Carries something to the other side when the way is free. A peer that no longer knows the connection resets it.
   *
   * @returns whether it was delivered; otherwise `again` says when to try
   */
  deliver(from: Side, run: () => void): "delivered" | "lost" | number {
    const to: Side = from === "client" ? "server" : "client";
    if (!this.#open[from] && !this.#flushing[from]) return "lost";
    if (!this.network.reaches(this.#hostOf(from), this.#hostOf(to))) return retryUs;
    if (!this.#open[to]) {
      this.#tell(from, "the peer reset the connection");
      return "lost";
    }
    this.network.messages += 1;
    this.#processOf(to).enter(run);
    return "delivered";
  }

  #died(side: Side): void {
    if (!this.#open[side]) return;
    this.#open[side] = false;
    this.#forget();
    const other: Side = side === "client" ? "server" : "client";
    // The kernel of a machine that has power closes what its processes leave open; otherwise nobody says anything.
    if (this.network.isDark(this.#hostOf(side))) return;
    this.#flushing[side] = true;
    this.#tell(other, "the peer's process ended");
  }

  /** Tells a side that the connection is gone, when the way to it is free. */
  #tell(side: Side, reason: string): void {
    const other: Side = side === "client" ? "server" : "client";
    const arrive = (): void => {
      if (!this.#open[side]) return;
      if (!this.network.reaches(this.#hostOf(other), this.#hostOf(side))) {
        this.network.world.after(retryUs, "reset", arrive);
        return;
      }
      this.#processOf(side).enter(() => this.#close(side, reason));
    };
    this.network.world.after(this.network.latencyUs(), "reset", arrive);
  }

  #close(side: Side, reason: string): void {
    if (!this.#open[side]) return;
    this.#open[side] = false;
    this.#forget();
    if (side === "client") {
      const calls = [...this.clientCalls];
      this.clientCalls.clear();
      this.#onClientBreak(reason);
      for (const call of calls) call.lost(reason);
    } else {
      const calls = [...this.serverCalls];
      this.serverCalls.clear();
      for (const call of calls) call.cancelled();
    }
  }

  #forget(): void {
    if (!this.#open.client && !this.#open.server) this.network.remove(this);
  }

  #hostOf(side: Side): string {
    return this.#processOf(side).host;
  }

  #processOf(side: Side): SimProcess {
    return side === "client" ? this.client : this.serverProcess;
  }

  /** A ping that a dead, dark, stopped or unreachable peer does not answer in time breaks this side. */
  #keepAlive(side: Side, { everyUs, timeoutUs }: Keepalive): void {
    const own = this.#processOf(side);
    const peer = this.#processOf(side === "client" ? "server" : "client");
    own.later(everyUs, "ping", () => {
      if (!this.#open[side]) return;
      own.later(timeoutUs, "pong", () => {
        if (!this.#open[side]) return;
        const answers =
          peer.alive &&
          !peer.paused &&
          this.network.reaches(own.host, peer.host) &&
          this.network.reaches(peer.host, own.host);
        if (answers) this.#keepAlive(side, { everyUs, timeoutUs });
        else this.break(side, "keepalive timed out");
      });
    });
  }
}
