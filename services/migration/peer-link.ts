import type { ClientDuplexStream } from "@grpc/grpc-js";
import { messageBytesMax } from "../core/limits.js";
import type { MoveId } from "../core/ids.js";
import type {
  CatchUpRequest,
  CatchUpResponse,
  TransferRequest,
  TransferResponse,
} from "../gen/elastickv/v1/migration.js";
import type { Channel, OpenChannel } from "../wire/channel.js";
import { migrationService } from "../wire/services.js";

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
  readonly valueBytesMax: number;
  readonly openChannel: OpenChannel;
}

type TransferStream = ClientDuplexStream<TransferRequest, TransferResponse>;
type CatchUpStream = ClientDuplexStream<CatchUpRequest, CatchUpResponse>;

/**
 * The streams from this store to one other, shared by all moves between the two. Opened by the first send. A broken
 * stream breaks both, so that no move goes on with half a link.
 */
export class PeerLink {
  readonly address: string;
  readonly #channel: Channel;
  readonly #listeners = new Map<MoveId, PeerLinkListener>();
  #transfer: TransferStream | undefined;
  #catchUp: CatchUpStream | undefined;

  constructor({ address, valueBytesMax, openChannel }: PeerLinkOptions) {
    this.address = address;
    this.#channel = openChannel(address, {
      "grpc.max_receive_message_length": messageBytesMax(valueBytesMax),
      "grpc.max_send_message_length": messageBytesMax(valueBytesMax),
      "grpc-node.flow_control_window": 4 * 1024 * 1024,
    });
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

  /** Sends on the snapshot stream. Resolves when the transport wants more. */
  async sendTransfer(message: NonNullable<TransferRequest["message"]>): Promise<void> {
    this.#transfer ??= this.#openTransfer();
    await write(this.#transfer, { message });
  }

  /** Sends on the stream of later writes. Resolves when the transport wants more. */
  async sendCatchUp(message: NonNullable<CatchUpRequest["message"]>): Promise<void> {
    this.#catchUp ??= this.#openCatchUp();
    await write(this.#catchUp, { message });
  }

  close(): void {
    this.#listeners.clear();
    this.#transfer?.end();
    this.#catchUp?.end();
    this.#channel.close();
  }

  #openTransfer(): TransferStream {
    const { path, requestSerialize, responseDeserialize } = migrationService.transfer;
    const stream = this.#channel.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    stream.on("data", ({ message }: TransferResponse) => {
      if (message) this.#listenerOf(message.value.moveId)?.transferAnswered(message);
    });
    this.#watch(stream);
    return stream;
  }

  #openCatchUp(): CatchUpStream {
    const { path, requestSerialize, responseDeserialize } = migrationService.catchUp;
    const stream = this.#channel.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    stream.on("data", ({ message }: CatchUpResponse) => {
      if (message) this.#listenerOf(message.value.moveId)?.catchUpAnswered(message);
    });
    this.#watch(stream);
    return stream;
  }

  #listenerOf(moveId: string): PeerLinkListener | undefined {
    return this.#listeners.get(moveId as MoveId);
  }

  #watch(stream: TransferStream | CatchUpStream): void {
    const broken = (message: string): void => {
      if (stream !== this.#transfer && stream !== this.#catchUp) return;
      const other = stream === this.#transfer ? this.#catchUp : this.#transfer;
      this.#transfer = undefined;
      this.#catchUp = undefined;
      other?.cancel();
      for (const listener of [...this.#listeners.values()]) listener.broken(message);
    };
    stream.on("error", (error) => broken(error.message));
    stream.on("end", () => broken("the peer ended the stream"));
  }
}

/** Writes one message and waits while the transport is full; a stream that breaks meanwhile ends the wait. */
function write<T>(stream: ClientDuplexStream<T, unknown>, message: T): Promise<void> {
  if (stream.destroyed || stream.write(message)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done);
      stream.off("close", done);
      stream.off("error", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
    stream.on("error", done);
  });
}
