import { connectAdmin } from "../../client/admin.js";
import { codecs, connect } from "../../client/index.js";

// Uses a client of each kind, stops the processes named, closes the clients, says so, and does nothing more: what ends it
// then is that nothing is left.
const [seed = "", patienceMs, ...pids] = process.argv.slice(2);
const timeoutMs = Number(patienceMs);
const seeds = [seed];
const failed = (error: unknown): void => console.log(`failed: ${String(error)}`);
const admin = connectAdmin({ seeds });
await admin.listStores({}, { deadlineMs: timeoutMs }).catch(failed);
const client = await connect({ seeds, codec: codecs.string, connectTimeoutMs: timeoutMs }).catch(failed);
if (client) {
  const keys = Array.from({ length: 100 }, (_, i) => `key ${i}`);
  await client.putMany(keys.map((key) => [key, "value"]));
  let scanned = 0;
  for await (const { value } of client.scan()) scanned += value === "value" ? 1 : 0;
  console.log(`used ${scanned}`);
}
for (const pid of pids) process.kill(Number(pid), "SIGSTOP");
await admin.close();
await client?.close();
console.log("closed");
