import { createServer } from "node:net";
import { parseArgs } from "node:util";

// Stands in for a store: listens on its port, exits 0 on SIGTERM. `--mode` makes it misbehave.
const { values } = parseArgs({
  options: {
    "store-id": { type: "string" },
    master: { type: "string" },
    data: { type: "string" },
    host: { type: "string" },
    port: { type: "string" },
    mode: { type: "string" },
  },
});
console.log(`store ${values["store-id"]} of ${values.master} with ${values.data}`);
if (values.mode === "fail") {
  console.error("cannot start: the flag --mode is wrong");
  process.exit(3);
}
const server = createServer((socket) => {
  // What a client sends is the exit status it asks for.
  socket.once("data", (data) => process.exit(Number(data.toString())));
  socket.on("error", () => undefined);
});
server.listen(Number(values.port), values.host);
process.on("SIGTERM", () => {
  if (values.mode !== "stubborn") process.exit(0);
});
