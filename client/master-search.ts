import { takenOver } from "../services/core/checks.js";
import { EkvError } from "../services/core/errors.js";
import { limits, messageBytesMax } from "../services/core/limits.js";
import type { Clock } from "../services/core/ports/clock.js";
import { startRace } from "../services/core/retry/race.js";
import { anyServer, type ServerIdentity } from "../services/core/server-identity.js";
import type { Channel } from "../services/wire/channel.js";
import { fromServiceError, lacksCall } from "../services/wire/errors.js";
import { identifyCalls } from "../services/wire/server-identity.js";
import { adminService } from "../services/wire/services.js";
import { callUnary } from "../services/wire/unary-call.js";
import { clusterOfSeeds } from "./seed-check.js";
import { describeFailures, NoMaster, type SeedFailure } from "./seed-failure.js";
import type { System } from "./system.js";

const channelOptions = { "grpc.max_receive_message_length": messageBytesMax };

/** A server that may be the master. */
export interface Seed {
  readonly address: string;
  readonly channel: Channel;
}

/** Until when a master is looked for. */
export interface SearchLimits {
  /** Unix milliseconds, by this machine's clock. */
  readonly deadlineWallMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Finds the master among seeds, which may be silent, down, or stores. They are asked side by side. */
export class MasterSearch {
  readonly #world: System;
  readonly #clock: Clock;
  #seeds: readonly Seed[];
  /** The cluster that is administered, once a seed has said it. */
  #expected: ServerIdentity = anyServer;
  readonly #findRefusal: System["findRefusal"];
  #master: Seed | undefined;
  #answeredMs = -Infinity;

  constructor(addresses: readonly string[], world: System) {
    const { clock, openChannel, findRefusal } = world;
    this.#world = world;
    this.#clock = clock;
    this.#findRefusal = findRefusal;
    this.#seeds = addresses.map((address) => ({
      address,
      channel: openChannel(address, channelOptions, anyServer),
    }));
  }

  /** Seeds that can be turned to. */
  get size(): number {
    return this.#seeds.length;
  }

  /**
   * The master. One that answered a moment ago is not asked again. Rejects with UNAVAILABLE that names each seed and its
   * reason, or with FAILED_PRECONDITION when all are stores.
   */
  async find(search: SearchLimits): Promise<Seed> {
    await this.#settleCluster();
    const [only, ...others] = this.#seeds;
    if (only === undefined) {
      throw new EkvError("INVALID_ARGUMENT", "seeds: is empty; give host:port of the master");
    }
    if (others.length === 0) return only;
    const isFresh = this.#clock.nowMs() - this.#answeredMs < limits.masterFreshMs;
    if (this.#master && isFresh) return this.#master;
    const known = this.#master;
    this.#master = await this.#ask(
      known ? [known, ...this.#seeds.filter((seed) => seed !== known)] : this.#seeds,
      search,
    );
    this.answered();
    return this.#master;
  }

  /** Learns which cluster it is: from then on no other's master is asked, whatever address it takes over. */
  async #settleCluster(): Promise<void> {
    if (this.#expected !== anyServer) return;
    const addresses = this.#seeds.map(({ address }) => address);
    const clusterId = await clusterOfSeeds(addresses, this.#world);
    if (clusterId === "" || this.#expected !== anyServer) return;
    const expected = { clusterId, storeId: "" };
    this.#expected = expected;
    this.#seeds = this.#seeds.map(({ address, channel }) => ({
      address,
      channel: identifyCalls(channel, expected),
    }));
  }

  /** The master has answered a call. */
  answered(): void {
    this.#answeredMs = this.#clock.nowMs();
  }

  /** The master is away: it is looked for before the next call. */
  lost(): void {
    this.#answeredMs = -Infinity;
  }

  /** What a call to a seed failed with, as the caller is told. */
  async failureOf({ address }: Seed, thrown: EkvError): Promise<EkvError> {
    const error = takenOver(thrown, address, this.#expected);
    if (lacksCall(error)) return onlyStores();
    if (error.code !== "UNAVAILABLE") return error;
    const failure = await this.#explain(address, error);
    return unreachable([failure], error.notExecuted);
  }

  close(): void {
    for (const { channel } of this.#seeds) channel.close();
  }

  #ask(candidates: readonly Seed[], { deadlineWallMs, signal }: SearchLimits): Promise<Seed> {
    return new Promise((resolve, reject) => {
      startRace<Seed, SeedFailure>({
        candidates,
        clock: this.#clock,
        begin: (seed, attempt) => {
          const over = new AbortController();
          const either = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
          const won = (): void => {
            resolve(seed);
            attempt.won();
          };
          // Cheap, and answered by masters alone.
          const asked = { deadlineWallMs, signal: either, writes: false };
          callUnary(seed.channel, adminService.getOperation, { operationId: "" }, asked).then(
            won,
            (thrown) => {
              const error = takenOver(fromServiceError(thrown), seed.address, this.#expected);
              if (!lacksCall(error) && isAnswer(error)) return won();
              void this.#explain(seed.address, error).then((failure) => attempt.failed(failure));
            },
          );
          return () => over.abort();
        },
        lost: (failures) => {
          const reasons = failures.map(({ reason }) => reason);
          if (reasons.every(({ reason }) => lacksCall(reason))) return reject(onlyStores());
          const cancelled = reasons.find(({ reason }) => reason.code === "CANCELLED");
          reject(cancelled?.reason ?? unreachable(reasons, true));
        },
      });
    });
  }

  async #explain(address: string, reason: EkvError): Promise<SeedFailure> {
    if (lacksCall(reason)) return { address, reason, refusal: "a store answers there" };
    const mayBeRefused = reason.code === "UNAVAILABLE";
    return { address, reason, refusal: mayBeRefused ? await this.#findRefusal(address) : undefined };
  }
}

/** Whether a server has answered, be it with a refusal. */
function isAnswer({ code }: EkvError): boolean {
  return code !== "UNAVAILABLE" && code !== "DEADLINE_EXCEEDED" && code !== "CANCELLED";
}

function onlyStores(): EkvError {
  return new EkvError("FAILED_PRECONDITION", "the seeds are stores; this needs the master's host:port");
}

function unreachable(failures: readonly SeedFailure[], notExecuted: boolean): EkvError {
  const storesAnswer = failures.some(({ reason }) => lacksCall(reason));
  const message = `no master answers (${describeFailures(failures)})`;
  const cause = new NoMaster(failures, storesAnswer);
  return new EkvError("UNAVAILABLE", message, { notExecuted, cause });
}
