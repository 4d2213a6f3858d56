import { once } from "node:events";
import { connect } from "node:net";
import type { Session } from "./session.js";

const lengthBytes = 4;

/**
 * A TCP connection to a server that sends back what it gets: frames of a length and bytes, those of one turn of the
 * event loop in one write. What sockets and promises cost in Node, with nothing else.
 */
export async function openEcho(port: number, valueBytes: number): Promise<Session> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  let waiting: ((value: Buffer) => void)[] = [];
  let answered = 0;
  let rest = Buffer.alloc(0);
  let corked = false;
  const frame = Buffer.alloc(lengthBytes + valueBytes, "x");
  frame.writeUInt32LE(valueBytes, 0);
  socket.on("data", (chunk) => {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let offset = 0;
    while (offset + lengthBytes <= bytes.length) {
      const end = offset + lengthBytes + bytes.readUInt32LE(offset);
      if (end > bytes.length) break;
      waiting[answered++]?.(bytes.subarray(offset + lengthBytes, end));
      offset = end;
    }
    rest = bytes.subarray(offset);
    waiting = waiting.slice(answered);
    answered = 0;
  });
  const send = (): Promise<Buffer> => {
    if (!corked) {
      corked = true;
      socket.cork();
      setImmediate(() => {
        corked = false;
        socket.uncork();
      });
    }
    socket.write(frame);
    return new Promise((resolve) => waiting.push(resolve));
  };
  return { get: send, put: send, close: async () => void (await once(socket.end(), "close")) };
}
