import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import type { status } from "@grpc/grpc-js";
import { ErrorInfo } from "../../services/gen/elastickv/v1/common.js";
import { errorTrailer } from "../../services/wire/errors.js";

/** What came of a call. */
export interface CallOutcome {
  /** The gRPC status; undefined: none came. */
  readonly code: status | undefined;
  readonly details: string;
  readonly info: ErrorInfo | undefined;
  /** The HTTP/2 error that ended the call; 0: none. */
  readonly resetCode: number;
  /** Of the HTTP answer; undefined: none came. */
  readonly httpStatus: number | undefined;
  readonly messages: readonly Buffer[];
  /** The caller left, as it was told to; no status is to be expected. */
  readonly left: boolean;
  /** Nothing ended the call in time. */
  readonly hung: boolean;
}

/** How a call is made. */
export interface RawCall {
  readonly path: string;
  /** The body as it goes out, frames and all. */
  readonly body: readonly Uint8Array[];
  readonly headers?: Readonly<Record<string, string>>;
  /** The answer has no end: leave after its first message, or after this many milliseconds without one. */
  readonly leaveAfterMs?: number | undefined;
}

/** Long: on a busy machine a call of many megabytes takes its time. */
const hangMs = 60_000;
const dropAfterMs = 10;
/** Above the longest message: node gives up on streams beyond 10 MiB by itself. */
const sessionMebibytesMax = 256;

/** A gRPC caller that sends whatever it is told, message or not. */
export class RawGrpc {
  readonly #address: string;
  #session: ClientHttp2Session | undefined;

  /** @param address host:port */
  constructor(address: string) {
    this.#address = address;
  }

  async call({ path, body, headers = {}, leaveAfterMs }: RawCall): Promise<CallOutcome> {
    const stream = this.#request(path, headers);
    const outcome = outcomeOf(stream, leaveAfterMs);
    for (const bytes of body) stream.write(bytes);
    stream.end();
    return await outcome;
  }

  /** Begins a call, and leaves it without an end. */
  async drop({ path, body }: RawCall): Promise<void> {
    const stream = this.#request(path, {});
    const outcome = outcomeOf(stream, dropAfterMs);
    for (const bytes of body) stream.write(bytes);
    await outcome;
  }

  close(): void {
    this.#session?.destroy();
  }

  #request(path: string, headers: Readonly<Record<string, string>>): ClientHttp2Stream {
    return this.#open().request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
  }

  #open(): ClientHttp2Session {
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session;
    this.#session = connect(`http://${this.#address}`, { maxSessionMemory: sessionMebibytesMax });
    // A server that closes the connection shows in the outcome of the calls on it.
    this.#session.on("error", () => undefined);
    return this.#session;
  }
}

function outcomeOf(stream: ClientHttp2Stream, leaveAfterMs: number | undefined): Promise<CallOutcome> {
  return new Promise((resolve) => {
    let heads: Record<string, unknown> = {};
    let left = false;
    let hung = false;
    const chunks: Buffer[] = [];
    const leave = (): void => {
      left = true;
      stream.close(constants.NGHTTP2_CANCEL);
    };
    const leaving = leaveAfterMs === undefined ? undefined : setTimeout(leave, leaveAfterMs);
    const hanging = setTimeout(() => {
      hung = true;
      stream.close(constants.NGHTTP2_CANCEL);
    }, hangMs);
    stream.on("response", (headers) => (heads = { ...heads, ...headers }));
    stream.on("trailers", (trailers) => (heads = { ...heads, ...trailers }));
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (leaveAfterMs !== undefined) leave();
    });
    stream.on("error", () => undefined);
    stream.on("close", () => {
      clearTimeout(leaving);
      clearTimeout(hanging);
      resolve({
        ...read(heads),
        messages: left ? [] : messagesOf(Buffer.concat(chunks)),
        resetCode: stream.rstCode,
        left,
        hung,
      });
    });
  });
}

function read(
  heads: Readonly<Record<string, unknown>>,
): Pick<CallOutcome, "code" | "details" | "info" | "httpStatus"> {
  const [code, message, trailer] = ["grpc-status", "grpc-message", errorTrailer].map((name) => heads[name]);
  return {
    code: code === undefined ? undefined : Number(code),
    details: typeof message === "string" ? decodeURIComponent(message) : "",
    info: typeof trailer === "string" ? ErrorInfo.decode(Buffer.from(trailer, "base64")) : undefined,
    httpStatus: heads[":status"] as number | undefined,
  };
}

function messagesOf(body: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + 5 <= body.length;) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    messages.push(body.subarray(at + 5, end));
    at = end;
  }
  return messages;
}
