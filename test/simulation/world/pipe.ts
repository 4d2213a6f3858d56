import type { Connection } from "./connection.js";

/** Bytes under way at which a writer has to wait. */
const windowMessages = 64;

interface Item {
  readonly sentUs: number;
  readonly atUs: number;
  readonly run: () => void;
}

/** One direction of one stream: in order, as fast as the way and the reader allow. */
export class Pipe {
  readonly #connection: Connection;
  readonly #from: "client" | "server";
  readonly #label: string;
  #queue: Item[] = [];
  #lastUs = 0;
  #scheduled = false;
  #readable = true;
  #waiting: (() => void) | undefined;

  constructor(connection: Connection, from: "client" | "server", label: string) {
    this.#connection = connection;
    this.#from = from;
    this.#label = label;
  }

  /** Sends; `accepted` is called when more may be sent. */
  send(run: () => void, accepted?: () => void): void {
    const { network } = this.#connection;
    this.#lastUs = Math.max(this.#lastUs + 1, network.world.nowUs + network.latencyUs());
    this.#queue.push({ sentUs: network.world.nowUs, atUs: this.#lastUs, run });
    this.#schedule();
    if (accepted === undefined) return;
    if (this.#queue.length < windowMessages) queueMicrotask(accepted);
    else this.#waiting = accepted;
  }

  /** The reader takes no more until `resume`. */
  pause(): void {
    this.#readable = false;
  }

  resume(): void {
    if (this.#readable) return;
    this.#readable = true;
    this.#schedule();
  }

  #schedule(delayUs = 0): void {
    const head = this.#queue[0];
    if (this.#scheduled || !this.#readable || head === undefined) return;
    this.#scheduled = true;
    const { world } = this.#connection.network;
    world.after(Math.max(delayUs, head.atUs - world.nowUs), this.#label, () => {
      this.#scheduled = false;
      this.#deliver(head);
    });
  }

  #deliver(head: Item): void {
    if (!this.#readable) return;
    this.#connection.network.sentUs = head.sentUs;
    const outcome = this.#connection.deliver(this.#from, head.run);
    if (outcome === "lost") {
      this.#queue = [];
      return;
    }
    if (outcome !== "delivered") return this.#schedule(outcome);
    this.#queue.shift();
    const waiting = this.#waiting;
    if (waiting && this.#queue.length < windowMessages / 2) {
      this.#waiting = undefined;
      const sender = this.#from === "client" ? this.#connection.client : this.#connection.serverProcess;
      sender.enter(waiting);
    }
    this.#schedule();
  }
}
