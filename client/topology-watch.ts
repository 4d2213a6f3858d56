import { takenOver } from "../services/core/checks.js";
import { EkvError } from "../services/core/errors.js";
import { backoffs } from "../services/core/limits.js";
import type { Clock, Timer } from "../services/core/ports/clock.js";
import type { Random } from "../services/core/ports/random.js";
import { Backoff } from "../services/core/retry/backoff.js";
import type { Topology, TopologyDelta } from "../services/core/topology.js";
import type { WatchTopologyResponse } from "../services/gen/elastickv/v1/master.js";
import type { OpenChannel } from "../services/wire/channel.js";
import { fromServiceError } from "../services/wire/errors.js";
import { topologyService } from "../services/wire/services.js";
import { deltaFromWire, topologyFromWire } from "../services/wire/topology.js";

/** How long one server may take to send its topology before the next is tried. */
const firstAnswerMs = 2000;
const messageBytesMax = 64 * 1024 * 1024;

/** What a watch tells. */
export interface TopologyWatchListener {
  /** Returns false to turn to another server: this one belongs to another cluster. */
  snapshot(topology: Topology): boolean;
  delta(delta: TopologyDelta): void;
  /** A server could not be watched, or not any longer; another is tried. */
  failed(address: string, reason: EkvError): void;
}

/** How a watch is made. */
export interface TopologyWatchOptions {
  /** host:port of every server that may be asked, best first. */
  candidates(): readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly openChannel: OpenChannel;
  /** The cluster that is watched; empty: not known yet. */
  clusterId(): string;
  readonly listener: TopologyWatchListener;
}

/** Keeps one WatchTopology stream open, to whichever server answers: a master, or any store. */
export class TopologyWatch {
  readonly #options: TopologyWatchOptions;
  #close: (() => void) | undefined;
  /** Of a watch that has brought its snapshot: a new one is given the time to. */
  #renew: (() => void) | undefined;
  #retry: Timer | undefined;
  #next = 0;
  readonly #backoff: Backoff;
  #closed = false;

  constructor(options: TopologyWatchOptions) {
    this.#options = options;
    this.#backoff = new Backoff(backoffs.topologyWatch, options.random);
  }

  start(): void {
    if (this.#closed) return;
    const candidates = this.#options.candidates();
    const address = candidates[this.#next % candidates.length];
    this.#next += 1;
    if (address !== undefined) this.#watch(address);
  }

  /** Turns to another server, when the one that is watched has kept silent about something that others know. */
  renew(): void {
    this.#renew?.();
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#close?.();
  }

  #watch(address: string): void {
    const { clock, openChannel, clusterId, listener } = this.#options;
    const expected = { clusterId: clusterId(), storeId: "" };
    const channelOptions = {
      "grpc.max_receive_message_length": messageBytesMax,
    };
    const channel = openChannel(address, channelOptions, expected);
    const { path, requestSerialize, responseDeserialize } = topologyService.watchTopology;
    const stream = channel.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {
      knownVersion: 0,
    });
    this.#close = () => {
      impatience.cancel();
      stream.cancel();
      channel.close();
    };
    const impatience = clock.setTimer(firstAnswerMs, () => {
      ended(new EkvError("UNAVAILABLE", `${address} sent no topology within ${firstAnswerMs} ms`));
    });
    let over = false;
    const ended = (reason: EkvError): void => {
      if (over) return;
      over = true;
      this.#close?.();
      this.#close = undefined;
      this.#renew = undefined;
      if (this.#closed) return;
      listener.failed(address, reason);
      this.#later();
    };
    // A server belongs to one cluster: what follows a snapshot that was taken is of the same.
    let isTaken = false;
    stream.on("data", ({ update }: WatchTopologyResponse) => {
      if (over) return;
      impatience.cancel();
      if (update?.$case === "delta" && isTaken) return listener.delta(deltaFromWire(update.value));
      if (update?.$case !== "snapshot") return;
      const topology = topologyFromWire(update.value);
      isTaken = listener.snapshot(topology);
      if (!isTaken) return ended(takenOver(ofAnotherCluster(topology.clusterId), address, expected));
      this.#backoff.succeeded();
      this.#renew = () => ended(new EkvError("UNAVAILABLE", `${address} is behind the stores`));
    });
    stream.on("error", (error) => ended(takenOver(fromServiceError(error), address, expected)));
    stream.on("end", () => ended(fromServiceError(new Error(`${address} ended the watch`))));
  }

  #later(): void {
    this.#retry = this.#options.clock.setTimer(this.#backoff.failed(), () => this.start());
  }
}

/** For a server that does not look at whom a call is meant for. */
function ofAnotherCluster(clusterId: string): EkvError {
  const answeredBy = { clusterId, storeId: "" };
  return new EkvError("FAILED_PRECONDITION", "this is another cluster", { answeredBy });
}
