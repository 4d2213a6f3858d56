import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { codecs, connect } from "../../client/index.js";
import type { ClientMessage, ClientOrder } from "./client-process.js";
import { Load } from "./load.js";
import { callDeadlineMs } from "./timing.js";

// A client in a process of its own, which may be killed: it tells every call on its standard output before it is made
// and after it was answered, synchronously. It takes orders on its standard input, and ends when that does.
const seeds = (process.argv[2] ?? "").split(",");
const client = await connect({ seeds, codec: codecs.string, deadlineMs: callDeadlineMs });
let load: Load | undefined;

function tell(message: ClientMessage): void {
  writeSync(1, `${JSON.stringify(message)}\n`);
}

const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => {
  const order = JSON.parse(line) as ClientOrder;
  if (order.kind === "start") load = new Load(client, order.shape, tell);
  else void load?.stop().then(() => tell({ kind: "stopped" }));
});
orders.once("close", () => process.exit(0));
