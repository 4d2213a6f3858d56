import { compareVersions, versionText } from "../replica/version.js";
import type { Version } from "../replica/version.js";
import { type Address, clientAddress, storeAddress } from "../world/address.js";
import type { Answer } from "../world/message.js";
import { Violation } from "../world/observations.js";
import type { World } from "../world/world.js";

/** A call of a client, which it repeats until it is answered. */
export interface ClientCall {
  readonly id: number;
  readonly client: number;
  readonly partition: number;
  readonly key: string;
  /** Undefined: a read. */
  readonly written: string | undefined;
  /** The client's number of the write. */
  readonly call: number;
  /** By the run's counter of ticks. */
  readonly beganAt: number;
  endedAt: number | undefined;
  version: Version | undefined;
  read: string | undefined;
}

/** What a client is about to call. */
export interface NewCall {
  readonly partition: number;
  readonly key: string;
  readonly isWrite: boolean;
  /** Calls of the client that may be open before. */
  readonly openMax: number;
}

/** Clients with a few calls open at a time. Values are unique. */
export class Clients {
  readonly calls: ClientCall[] = [];
  readonly #world: World;
  readonly #open: readonly Set<ClientCall>[];
  readonly #nextCalls: number[];

  constructor(world: World, count: number) {
    this.#world = world;
    this.#open = Array.from({ length: count }, () => new Set<ClientCall>());
    this.#nextCalls = Array.from({ length: count }, () => 1);
  }

  /** One of them. */
  any(): number {
    return this.#world.random.below(this.#open.length);
  }

  /** Calls without an answer. */
  get open(): readonly ClientCall[] {
    return this.#open.flatMap((calls) => [...calls]);
  }

  /** A new call of a client; undefined: it has as many open as it may. */
  begin(client: number, { partition, key, isWrite, openMax }: NewCall): ClientCall | undefined {
    const { observations } = this.#world;
    const open = this.#openOf(client);
    if (open.size >= openMax) return undefined;
    const id = this.calls.length;
    const number = this.#nextCalls[client] ?? 0;
    if (isWrite) this.#nextCalls[client] = number + 1;
    const call: ClientCall = {
      ...{ id, client, partition, key, written: isWrite ? `v${id}` : undefined, call: number },
      ...{ beganAt: this.#world.tick(), endedAt: undefined, version: undefined, read: undefined },
    };
    this.calls.push(call);
    open.add(call);
    observations.count(isWrite ? "writes" : "reads");
    observations.note(
      () => `call ${id}: c${client} ${isWrite ? `writes ${call.written} to` : "reads"} ${key}`,
    );
    return call;
  }

  /** Sends a call, or repeats it. */
  send({ client, id, partition, key, written, call }: ClientCall, store: number): void {
    const from = clientAddress(client);
    const { network } = this.#world;
    if (written === undefined) network.send(from, storeAddress(store), { kind: "read", partition, id, key });
    else {
      const mark = { client, call, floor: this.#floorOf(client) };
      network.send(from, storeAddress(store), { kind: "write", partition, id, key, value: written, mark });
    }
  }

  handleAnswer(_from: Address, answer: Answer): void {
    const call = this.calls[answer.id];
    if (!call) throw new Error(`there is no call ${answer.id}`);
    const version = answer.kind === "written" ? answer.version : undefined;
    if (call.endedAt !== undefined) {
      if (!version || !call.version || compareVersions(version, call.version) === 0) return;
      throw new Violation(
        `call ${call.id} was executed as ${versionText(call.version)} and as ${versionText(version)}`,
      );
    }
    call.endedAt = this.#world.tick();
    call.version = version;
    if (answer.kind === "value") call.read = answer.value;
    this.#openOf(call.client).delete(call);
    const outcome = version ? versionText(version) : call.read;
    this.#world.observations.note(() => `call ${call.id}: answered ${outcome ?? "nothing there"}`);
  }

  /** The lowest write that a client may still repeat. */
  #floorOf(client: number): number {
    const writes = [...this.#openOf(client)].filter(({ written }) => written !== undefined);
    return Math.min(this.#nextCalls[client] ?? 0, ...writes.map(({ call }) => call));
  }

  #openOf(client: number): Set<ClientCall> {
    return this.#open[client] as Set<ClientCall>;
  }
}
