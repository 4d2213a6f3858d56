import {
  Client,
  type ClientDuplexStream,
  credentials,
  type MethodDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import type { EkvError } from "../../services/core/errors.js";
import { fromServiceError } from "../../services/wire/errors.js";

/** A client of one server, without routing or retries. */
export class RawClient {
  readonly #client: Client;

  /** @param receiveBytesMax longest message that it takes */
  constructor(address: string, receiveBytesMax: number = 32 * 1024 * 1024) {
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.max_receive_message_length": receiveBytesMax,
      // Soon there again after a server was restarted.
      "grpc.initial_reconnect_backoff_ms": 50,
      "grpc.min_reconnect_backoff_ms": 50,
      "grpc.max_reconnect_backoff_ms": 500,
    });
  }

  /** One unary call; rejects with an EkvError. */
  call<Q, A>(method: MethodDefinition<Q, A>, request: Q): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        (error: ServiceError | null, answer?: A) => {
          if (error) reject(fromServiceError(error));
          else resolve(answer as A);
        },
      );
    });
  }

  /** Sends messages on a bidirectional stream and returns the first `count` answers, or rejects with what ended it. */
  exchange<Q, A>(
    method: MethodDefinition<Q, A>,
    requests: readonly Q[],
    count: number,
    onAnswer?: (answer: A) => void,
  ): Promise<A[]> {
    return new Promise((resolve, reject) => {
      const stream = this.#streamOf(method);
      const answers: A[] = [];
      stream.on("data", (answer: A) => {
        answers.push(answer);
        onAnswer?.(answer);
        if (answers.length < count) return;
        stream.end();
        resolve(answers);
      });
      stream.on("error", (error) => reject(fromServiceError(error)));
      for (const request of requests) stream.write(request);
    });
  }

  /** Sends these messages and ends, then gives all answers; rejects with an EkvError. */
  exchangeAll<Q, A>(method: MethodDefinition<Q, A>, requests: readonly Q[]): Promise<A[]> {
    return new Promise((resolve, reject) => {
      const stream = this.#streamOf(method);
      const answers: A[] = [];
      stream.on("data", (answer: A) => answers.push(answer));
      stream.on("error", (error) => reject(fromServiceError(error)));
      stream.on("end", () => resolve(answers));
      for (const request of requests) stream.write(request);
      stream.end();
    });
  }

  #streamOf<Q, A>({
    path,
    requestSerialize,
    responseDeserialize,
  }: MethodDefinition<Q, A>): ClientDuplexStream<Q, A> {
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  }

  /** The messages of a server-streamed call; rejects with an EkvError. */
  collect<Q, A>(method: MethodDefinition<Q, A>, request: Q): Promise<A[]> {
    return new Promise((resolve, reject) => {
      const stream = this.#client.makeServerStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
      );
      const answers: A[] = [];
      stream.on("data", (answer: A) => answers.push(answer));
      stream.on("error", (error) => reject(fromServiceError(error)));
      stream.on("end", () => resolve(answers));
    });
  }

  close(): void {
    this.#client.close();
  }
}

/** For `assert.rejects`: an EkvError of this code whose message matches. */
export function refusedWith(code: EkvError["code"], message: RegExp): (error: EkvError) => boolean {
  return (error) => {
    if (error.code !== code || !message.test(error.message)) {
      throw new Error(`expected ${code} ${String(message)}, got ${error.code}: ${error.message}`);
    }
    return true;
  };
}
