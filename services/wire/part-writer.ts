import type { Socket } from "node:net";
import { limits } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import { frameHeaderBytes, frameKind } from "./frame-reader.js";

interface LongMessage {
  readonly body: Buffer;
  readonly written: (() => void) | undefined;
}

/**
 * Sends long messages over a framed connection in parts, one message after the other. The next part goes in a turn of
 * its own, once the operating system has taken the last: whole frames get in between.
 */
export class PartWriter {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #idle: () => void;
  readonly #messages: LongMessage[] = [];
  #offset = 0;

  /** @param idle called when all has been sent */
  constructor(socket: Socket, clock: Clock, idle: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#idle = idle;
  }

  get isIdle(): boolean {
    return this.#messages.length === 0;
  }

  /** Takes a message's body; calls `written` when its last part was sent. */
  add(body: Buffer, written?: () => void): void {
    this.#messages.push({ body, written });
    if (this.#messages.length === 1) this.#sendPart();
  }

  #sendPart(): void {
    const message = this.#messages[0];
    if (message === undefined || this.#socket.destroyed) return;
    const { body } = message;
    const end = Math.min(this.#offset + limits.partBytes, body.length);
    const isLast = end === body.length;
    const header = Buffer.allocUnsafe(frameHeaderBytes);
    header[0] = isLast ? frameKind.lastPart : frameKind.part;
    header.writeUInt32BE(end - this.#offset, 1);
    const part = body.subarray(this.#offset, end);
    this.#offset = end;
    this.#socket.cork();
    this.#socket.write(header);
    this.#socket.write(part, (error) => {
      if (!error) this.#clock.endOfTurn(() => this.#sent(isLast));
    });
    this.#socket.uncork();
  }

  #sent(wasLast: boolean): void {
    if (!wasLast) return this.#sendPart();
    const { written } = this.#messages.shift() as LongMessage;
    this.#offset = 0;
    if (this.isIdle) this.#idle();
    else this.#sendPart();
    written?.();
  }
}
