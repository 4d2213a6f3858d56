import { connect } from "node:net";
import { splitHostPort } from "../core/host-port.js";
import { limits } from "../core/limits.js";

/**
 * Says why an address takes no connection, when that is certain: nobody listens there, or its name does not exist. Undefined
 * when it takes one, keeps silent, or fails in another way.
 */
export type FindRefusal = (address: string) => Promise<string | undefined>;

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOTFOUND: "there is no such host",
};

/** Over TCP. gRPC says the same in words alone. */
export const findRefusal: FindRefusal = (address) =>
  new Promise((resolve) => {
    const socket = connect(splitHostPort(address));
    const done = (reason: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reason);
    };
    const timer = setTimeout(() => done(undefined), limits.connectMs);
    socket.on("connect", () => done(undefined));
    socket.on("error", (error: NodeJS.ErrnoException) => done(reasons[error.code ?? ""]));
  });
