import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { EkvError } from "../core/errors.js";
import type { Directive } from "../core/master/effects.js";
import type { Topology, TopologyDelta } from "../core/topology.js";
import type { HeartbeatRequest, HeartbeatResponse } from "../gen/elastickv/v1/master.js";
import { diffTopologies } from "../runtime/topology-feed.js";
import { toServiceError } from "../wire/errors.js";
import { deltaToWire, topologyToWire } from "../wire/topology.js";
import { directiveToWire } from "./wire.js";

/** The stream of one store. */
export type HeartbeatCall = ServerDuplexStream<HeartbeatRequest, HeartbeatResponse>;

interface Session {
  readonly call: HeartbeatCall;
  /** Whether the store was let in. */
  isOpen: boolean;
  /** What the store was sent last. */
  sent: Topology | undefined;
  directives: Directive[];
  /** The transport wants no more before its `drain`. */
  isFull: boolean;
}

/**
 * The way down the heartbeat streams. What a slow store has not taken yet is merged: one difference of the topology,
 * then the orders, of which the machine has no more at a time than moves may be under way.
 */
export class HeartbeatStreams {
  readonly #sessions = new Map<number, Session>();
  readonly #rateBytesPerSecond: number;
  #topology: Topology | undefined;
  #lastDelta: { readonly from: Topology; readonly delta: TopologyDelta } | undefined;
  #lastStreamId = 0;

  constructor(options: { readonly moveRateBytesPerSecond: number }) {
    this.#rateBytesPerSecond = options.moveRateBytesPerSecond;
  }

  /** Takes a call on; nothing is sent before {@link HeartbeatStreams.open}. Returns its id. */
  add(call: HeartbeatCall): number {
    this.#lastStreamId += 1;
    const streamId = this.#lastStreamId;
    const session: Session = { call, isOpen: false, sent: undefined, directives: [], isFull: false };
    this.#sessions.set(streamId, session);
    call.on("drain", () => {
      session.isFull = false;
      this.#write(session);
    });
    return streamId;
  }

  /** The call has ended by itself. */
  drop(streamId: number): void {
    this.#sessions.delete(streamId);
  }

  open(streamId: number): void {
    const session = this.#sessions.get(streamId);
    if (session) session.isOpen = true;
  }

  send(streamId: number, directive: Directive): void {
    this.#sessions.get(streamId)?.directives.push(directive);
  }

  /** Ends a stream with an error. */
  end(streamId: number, error: EkvError): void {
    const session = this.#sessions.get(streamId);
    this.#sessions.delete(streamId);
    session?.call.emit("error", toServiceError(error));
  }

  /** Ends every stream without an error: the store looks for a master anew. */
  endAll(): void {
    for (const { call } of this.#sessions.values()) call.end();
    this.#sessions.clear();
  }

  /** Sends every open stream what is new for it. */
  flush(topology: Topology): void {
    this.#topology = topology;
    for (const session of this.#sessions.values()) this.#write(session);
  }

  #write(session: Session): void {
    const topology = this.#topology;
    if (!session.isOpen || session.isFull || topology === undefined) return;
    if (session.sent === topology && session.directives.length === 0) return;
    const { directives, sent } = session;
    session.directives = [];
    session.sent = topology;
    session.isFull = !session.call.write({
      term: topology.term,
      topology: this.#updateFrom(sent, topology),
      directives: directives.map((directive) => directiveToWire(directive, this.#rateBytesPerSecond)),
    });
  }

  #updateFrom(sent: Topology | undefined, topology: Topology): HeartbeatResponse["topology"] {
    if (sent === undefined) return { $case: "snapshot", value: topologyToWire(topology) };
    if (sent === topology) return undefined;
    if (this.#lastDelta?.from !== sent || this.#lastDelta.delta.version !== topology.version) {
      this.#lastDelta = { from: sent, delta: diffTopologies(sent, topology) };
    }
    return { $case: "delta", value: deltaToWire(this.#lastDelta.delta) };
  }
}
