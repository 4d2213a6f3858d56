/** What the gRPC library and the system say of a failed call, in the words of this project. */
import { status } from "@grpc/grpc-js";

/** Socket errors in words, by the system's names, which stand in the texts of both. */
const socketReasons: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "the connection was cut"],
  ["EPIPE", "the connection was cut"],
  ["ETIMEDOUT", "no answer to the attempt to connect"],
  ["EHOSTUNREACH", "no route to the host"],
  ["ENETUNREACH", "no route to the network"],
  ["ENOTFOUND", "the name has no address"],
  ["EAI_AGAIN", "the name cannot be looked up"],
  ["EMFILE", "this process has no file descriptors left"],
]);

/** Statuses whose text in the library is about its inner parts. */
const statusReasons: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [status.UNAVAILABLE, "no connection"],
  [status.DEADLINE_EXCEEDED, "no answer in time"],
  [status.CANCELLED, "the call was cut off"],
  [status.UNIMPLEMENTED, "the server does not have this call"],
]);

/** What only the library writes, of its own load balancing and streams. */
const libraryPattern =
  /Resolution note|No connection established|Deadline exceeded|RST_STREAM|[Cc]ancell?ed|HTTP\/2|Connection dropped|does not implement/;

/**
 * A reason for people. `code` is the gRPC status, if there is one; `text` is what came with it. A text that a server or a
 * proxy wrote stays as it is. Only for showing: nothing is decided by a text.
 */
export function reasonOf(code: unknown, text: string): string {
  for (const [name, reason] of socketReasons) if (text.includes(name)) return reason;
  if (text.startsWith("Name resolution failed")) return "the name cannot be resolved";
  if (!libraryPattern.test(text) && text !== "") return text;
  return statusReasons.get(code) ?? "the connection failed";
}
