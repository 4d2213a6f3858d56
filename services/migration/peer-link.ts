import type { MoveId } from "../core/ids.js";
import { messageBytesMax } from "../core/limits.js";
import type { Clock } from "../core/ports/clock.js";
import { anyServer, type ServerIdentity } from "../core/server-identity.js";
import {
  CatchUpRequest,
  CatchUpResponse,
  TransferRequest,
  TransferResponse,
} from "../gen/elastickv/v1/migration.js";
import type { Channel, OpenChannel } from "../wire/channel.js";
import type { ConnectFramed } from "../wire/framed-connection.js";
import { migrationService } from "../wire/services.js";
import { type PeerProtocol, PeerStream, type PeerStreamOptions } from "./peer-stream.js";

/** Who handles a move's answers. */
export interface PeerLinkListener {
  transferAnswered(answer: NonNullable<TransferResponse["message"]>): void;
  catchUpAnswered(answer: NonNullable<CatchUpResponse["message"]>): void;
  /** A stream of the link ended; what was under way on it is lost. The next send opens it anew. */
  broken(message: string): void;
}

/** How a link reaches its peer. */
export interface PeerLinkOptions {
  /** host:port of the target. */
  readonly address: string;
  /** The target. */
  readonly peer: ServerIdentity;
  readonly openChannel: OpenChannel;
  /** Undefined: gRPC alone. */
  readonly connectFramed: ConnectFramed | undefined;
  readonly clock: Clock;
}

const transferProtocol: PeerProtocol<TransferRequest, TransferResponse> = {
  name: "transfer",
  request: TransferRequest,
  answer: TransferResponse,
  method: migrationService.transfer,
};

const catchUpProtocol: PeerProtocol<CatchUpRequest, CatchUpResponse> = {
  name: "catch-up",
  request: CatchUpRequest,
  answer: CatchUpResponse,
  method: migrationService.catchUp,
};

/**
 * The streams from this store to one other, shared by all moves between the two, each on a connection of its own: later
 * writes and comparisons do not wait behind chunks. Opened by the first send. A broken stream breaks both, so that no
 * move goes on with half a link.
 */
export class PeerLink {
  readonly address: string;
  readonly #peer: ServerIdentity;
  readonly #streamOptions: PeerStreamOptions;
  readonly #channel: Channel;
  readonly #listeners = new Map<MoveId, PeerLinkListener>();
  #transfer: PeerStream<TransferRequest, TransferResponse> | undefined;
  #catchUp: PeerStream<CatchUpRequest, CatchUpResponse> | undefined;

  constructor({ address, peer, openChannel, connectFramed, clock }: PeerLinkOptions) {
    this.address = address;
    this.#peer = peer;
    const channelOptions = {
      "grpc.max_receive_message_length": messageBytesMax,
      "grpc.max_send_message_length": messageBytesMax,
      "grpc-node.flow_control_window": 4 * 1024 * 1024,
    };
    this.#channel = openChannel(address, channelOptions, peer);
    this.#streamOptions = { address, channel: this.#channel, connectFramed, clock };
  }

  get moves(): number {
    return this.#listeners.size;
  }

  listen(moveId: MoveId, listener: PeerLinkListener): void {
    this.#listeners.set(moveId, listener);
  }

  /** Ends a move's use of the link. */
  unlisten(moveId: MoveId): void {
    this.#listeners.delete(moveId);
  }

  /** Sends on the snapshot stream. The sender keeps little enough unanswered. */
  sendTransfer(message: NonNullable<TransferRequest["message"]>): void {
    const { clusterId, storeId } = this.#transfer ? anyServer : this.#peer;
    this.#transfer ??= new PeerStream(this.#streamOptions, transferProtocol, {
      answered: ({ message: answer }) => {
        if (answer) this.#listenerOf(answer.value.moveId)?.transferAnswered(answer);
      },
      broken: (reason) => this.#broken(reason),
    });
    this.#transfer.send({ message, clusterId, storeId });
  }

  /** Sends on the stream of later writes. The sender keeps little enough unanswered. */
  sendCatchUp(message: NonNullable<CatchUpRequest["message"]>): void {
    const { clusterId, storeId } = this.#catchUp ? anyServer : this.#peer;
    this.#catchUp ??= new PeerStream(this.#streamOptions, catchUpProtocol, {
      answered: ({ message: answer }) => {
        if (answer) this.#listenerOf(answer.value.moveId)?.catchUpAnswered(answer);
      },
      broken: (reason) => this.#broken(reason),
    });
    this.#catchUp.send({ message, clusterId, storeId });
  }

  close(): void {
    this.#listeners.clear();
    this.#transfer?.end();
    this.#catchUp?.end();
    this.#transfer = undefined;
    this.#catchUp = undefined;
    this.#channel.close();
  }

  #listenerOf(moveId: string): PeerLinkListener | undefined {
    return this.#listeners.get(moveId as MoveId);
  }

  #broken(reason: string): void {
    this.#transfer?.cancel();
    this.#catchUp?.cancel();
    this.#transfer = undefined;
    this.#catchUp = undefined;
    for (const listener of [...this.#listeners.values()]) listener.broken(reason);
  }
}
