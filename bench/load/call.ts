import type { Session } from "../peers/session.js";
import type { OperationStream } from "../workload/operation-stream.js";

/** Makes the stream's present operation. */
export function call(session: Session, operation: OperationStream): Promise<unknown> {
  switch (operation.kind) {
    case "read":
      return session.get(operation.key);
    case "update":
    case "insert":
      return session.put(operation.key, operation.value);
    case "delete":
      if (session.delete) return session.delete(operation.key);
      return Promise.reject(new Error("this peer has no delete"));
    case "scan":
      if (session.scan) return session.scan(operation.key, operation.scanLength);
      return Promise.reject(new Error("this peer has no scan"));
    case "readModifyWrite": {
      const { key, value } = operation;
      return session.get(key).then(() => session.put(key, value));
    }
  }
}
