import { connect, createServer, type Socket } from "node:net";
import { PipelineRequest, PipelineResponse } from "../../services/gen/elastickv/v1/store.js";
import { systemClock } from "../../services/runtime/clock.js";
import { FramedStream } from "../../services/wire/framed-stream.js";

/** Both ends of a framed connection over the loopback interface. */
export interface FramedPair {
  readonly client: FramedStream<PipelineRequest, PipelineResponse>;
  readonly server: FramedStream<PipelineResponse, PipelineRequest>;
  readonly clientSocket: Socket;
  readonly serverSocket: Socket;
  close(): Promise<void>;
}

/** Connects two framed streams. */
export async function framedPair(options: {
  readonly messageBytesMax: number;
  /** Of the client's end; the server's asks for no sign of life within a test. */
  readonly keepaliveMs: number;
  /** Whether both take messages in parts; default true. */
  readonly parts?: boolean;
}): Promise<FramedPair> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const accepted = new Promise<Socket>((resolve) => listener.once("connection", resolve));
  const clientSocket = connect(port, "127.0.0.1");
  const serverSocket = await accepted;
  const both = { parts: true, ...options, clock: systemClock };
  return {
    client: new FramedStream({
      ...both,
      socket: clientSocket,
      sent: PipelineRequest,
      received: PipelineResponse,
    }),
    server: new FramedStream({
      ...both,
      keepaliveMs: 600_000,
      socket: serverSocket,
      sent: PipelineResponse,
      received: PipelineRequest,
    }),
    clientSocket,
    serverSocket,
    close: async () => {
      clientSocket.destroy();
      serverSocket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
