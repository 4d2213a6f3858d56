import type { SeededRandom } from "../../simulation/world/random.js";
import type { Address } from "./address.js";
import type { Message } from "./message.js";

/** One direction of a stream between two processes: in order, and at its end for good. */
export interface Channel {
  readonly from: Address;
  readonly to: Address;
  readonly messages: Message[];
}

/** Streams between all pairs. A message waits until somebody delivers it: that is all the delay there is, and it has no bound. */
export class Network {
  readonly #channels = new Map<string, Channel>();

  send(from: Address, to: Address, message: Message): void {
    const name = `${from}>${to}`;
    const channel = this.#channels.get(name);
    if (channel) channel.messages.push(message);
    else this.#channels.set(name, { from, to, messages: [message] });
  }

  /** One of the channels that have something to deliver, and may; undefined when all of those are quiet. */
  pick(random: SeededRandom, may: (channel: Channel) => boolean = () => true): Channel | undefined {
    const busy: Channel[] = [];
    for (const channel of this.#channels.values())
      if (channel.messages.length > 0 && may(channel)) busy.push(channel);
    return busy.length === 0 ? undefined : random.pick(busy);
  }

  /** The channel between two; for scenarios. */
  between(from: Address, to: Address): Channel | undefined {
    return this.#channels.get(`${from}>${to}`);
  }

  /** Ends the streams that a predicate names: what they carried is lost. */
  cut(isCut: (from: Address, to: Address) => boolean): void {
    for (const { from, to, messages } of this.#channels.values()) if (isCut(from, to)) messages.length = 0;
  }
}
