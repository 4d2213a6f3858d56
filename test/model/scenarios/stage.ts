import { checkLinearizable } from "../checkers/linearizable.js";
import { checkRest, checkUnrest } from "../checkers/rest.js";
import type { ClientCall } from "../client/clients.js";
import { heal } from "../healing.js";
import type { Master } from "../master/master.js";
import type { ModelOptions } from "../options.js";
import type { Rules } from "../rules.js";
import type { Primary } from "../store/primary.js";
import type { Address } from "../world/address.js";
import type { Message } from "../world/message.js";
import { World } from "../world/world.js";

/** Messages that are delivered at most until nothing is to be delivered. */
const deliveriesMax = 2000;

/** A world that a scenario directs: everything is delivered in turn, but on streams that it holds. */
export class Stage {
  readonly world: World;
  readonly #held = new Set<string>();

  constructor(seed: number, options: ModelOptions, rules: Rules) {
    this.world = new World(seed, options, rules);
  }

  get master(): Master {
    const { leader } = this.world;
    if (!leader) throw new Impossible("nobody leads");
    return leader;
  }

  primary(store: number, partition = 0): Primary {
    const { primary } = this.world.store(store).group(partition);
    if (!primary) throw new Impossible("the store is not primary");
    return primary;
  }

  /** The store that is primary on record. */
  primaryOnRecord(partition = 0): number {
    return this.master.entry(partition).primary.store;
  }

  /** Delivers nothing on a stream from now on. */
  hold(from: Address, to: Address): void {
    this.#held.add(`${from}>${to}`);
  }

  /** A store hears nothing of a master or of another store. */
  deafen(store: number): void {
    for (const { id } of this.world.stores) this.hold(`s${id}`, `s${store}`);
    for (const { id } of this.world.masters) this.hold(`m${id}`, `s${store}`);
  }

  /** Delivers on a stream again. */
  release(from: Address, to: Address): void {
    this.#held.delete(`${from}>${to}`);
  }

  /** One message of a stream, held or not. */
  step(from: Address, to: Address): void {
    const channel = this.world.network.between(from, to);
    if (channel) this.world.deliver(channel);
  }

  /** Loses what a stream carries before a message of this kind, and delivers that one. */
  stepUntil(from: Address, to: Address, kind: Message["kind"]): void {
    const channel = this.world.network.between(from, to);
    while (channel && channel.messages.length > 0 && channel.messages[0]?.kind !== kind)
      channel.messages.shift();
    this.step(from, to);
  }

  /** Delivers until there is nothing left but on streams that are held. */
  settle(): void {
    const { network, random, stores } = this.world;
    for (let n = 0; n < deliveriesMax; n += 1) {
      const channel = network.pick(random, ({ from, to }) => !this.#held.has(`${from}>${to}`));
      if (channel) this.world.deliver(channel);
      for (const store of stores) store.turn();
      if (!channel && !network.pick(random, ({ from, to }) => !this.#held.has(`${from}>${to}`))) return;
    }
  }

  /** A call of a client to a store, delivered with all that follows. */
  call(kind: "read" | "write", client: number, store: number, key = "p0k0"): ClientCall {
    const call = this.world.clients.begin(client, {
      partition: 0,
      key,
      isWrite: kind === "write",
      openMax: 9,
    });
    if (!call) throw new Error("too many calls");
    this.world.clients.send(call, store);
    this.settle();
    return call;
  }

  /** Every store asks for its leases. */
  renewLeases(): void {
    for (const store of this.world.stores) store.requestLeases();
    this.settle();
  }

  /** Heals everything, and puts what was seen to the checkers. */
  finish(): void {
    this.#held.clear();
    if (!heal(this.world)) checkUnrest(this.world);
    else {
      for (const watcher of this.world.watchers) for (let n = 0; n < 40; n += 1) watcher.poll();
      checkRest(this.world);
    }
    checkLinearizable(this.world.clients.calls);
  }
}

/** What a scenario needs does not come about with this seed: a master got no answer to a commit, or another store was chosen. */
export class Impossible extends Error {
  override readonly name = "Impossible";
}
