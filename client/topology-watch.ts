import { takenOver } from "../services/core/checks.js";
import { EkvError } from "../services/core/errors.js";
import { backoffs, messageBytesMax } from "../services/core/limits.js";
import type { Clock, Timer } from "../services/core/ports/clock.js";
import type { Random } from "../services/core/ports/random.js";
import { Backoff } from "../services/core/retry/backoff.js";
import { type Attempt, startRace } from "../services/core/retry/race.js";
import type { Topology, TopologyDelta } from "../services/core/topology.js";
import type { WatchTopologyResponse } from "../services/gen/elastickv/v1/master.js";
import type { OpenChannel } from "../services/wire/channel.js";
import { fromServiceError } from "../services/wire/errors.js";
import type { FindRefusal } from "../services/wire/refusal.js";
import { topologyService } from "../services/wire/services.js";
import { deltaFromWire, topologyFromWire } from "../services/wire/topology.js";
import type { SeedFailure } from "./seed-failure.js";

/** How long one server may take to send its topology. Others are tried meanwhile. */
const firstAnswerMs = 2000;

/** What a watch tells. */
export interface TopologyWatchListener {
  /** Returns false to turn to another server: this one belongs to another cluster. */
  snapshot(topology: Topology): boolean;
  delta(delta: TopologyDelta): void;
  /** No candidate sends its topology; all are tried again. */
  failed(failures: readonly SeedFailure[]): void;
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
  readonly findRefusal: FindRefusal;
  readonly listener: TopologyWatchListener;
}

/**
 * Keeps one WatchTopology stream open, to whichever server answers first: a master, or any store. Servers are tried side by
 * side.
 */
export class TopologyWatch {
  readonly #options: TopologyWatchOptions;
  /** Gives up the stream that is open, or those of which one will be. */
  #close: (() => void) | undefined;
  /** Of a watch that has brought its snapshot: a new one is given the time to. */
  #renew: (() => void) | undefined;
  #retry: Timer | undefined;
  /** The server that was watched last: the others are tried before it. */
  #last = "";
  readonly #backoff: Backoff;
  #closed = false;

  constructor(options: TopologyWatchOptions) {
    this.#options = options;
    this.#backoff = new Backoff(backoffs.topologyWatch, options.random);
  }

  start(): void {
    if (this.#closed) return;
    const { candidates, clock, listener } = this.#options;
    const known = candidates();
    const after = known.indexOf(this.#last) + 1;
    this.#close = startRace<string, SeedFailure>({
      candidates: [...known.slice(after), ...known.slice(0, after)],
      clock,
      begin: (address, attempt) => this.#watch(address, attempt),
      lost: (failures) => {
        this.#close = undefined;
        listener.failed(failures.map(({ reason }) => reason));
        this.#later();
      },
    });
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

  /** Opens a stream, which goes on if it is the first to bring a topology. Returns what gives it up. */
  #watch(address: string, attempt: Attempt<SeedFailure>): () => void {
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
    let over = false;
    let isWatched = false;
    const close = (): void => {
      over = true;
      impatience.cancel();
      stream.cancel();
      channel.close();
    };
    const ended = (reason: EkvError): void => {
      if (over) return;
      close();
      if (!isWatched) return void this.#explain(address, reason).then((failure) => attempt.failed(failure));
      this.#close = undefined;
      this.#renew = undefined;
      this.#later();
    };
    const impatience = clock.setTimer(firstAnswerMs, () => {
      ended(new EkvError("UNAVAILABLE", `sent no topology within ${firstAnswerMs} ms`));
    });
    stream.on("data", ({ update }: WatchTopologyResponse) => {
      if (over) return;
      impatience.cancel();
      // A server belongs to one cluster: what follows a snapshot that was taken is of the same.
      if (update?.$case === "delta" && isWatched) return listener.delta(deltaFromWire(update.value));
      if (update?.$case !== "snapshot") return;
      const topology = topologyFromWire(update.value);
      if (!listener.snapshot(topology)) {
        return ended(takenOver(ofAnotherCluster(topology.clusterId), address, expected));
      }
      this.#backoff.succeeded();
      if (isWatched) return;
      isWatched = true;
      attempt.won();
      this.#last = address;
      this.#close = close;
      this.#renew = () => ended(new EkvError("UNAVAILABLE", "knows less than the stores"));
    });
    stream.on("error", (error) => ended(takenOver(fromServiceError(error), address, expected)));
    stream.on("end", () => ended(new EkvError("UNAVAILABLE", "ended the watch")));
    return close;
  }

  async #explain(address: string, reason: EkvError): Promise<SeedFailure> {
    const mayBeRefused = reason.code === "UNAVAILABLE";
    return { address, reason, refusal: mayBeRefused ? await this.#options.findRefusal(address) : undefined };
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
