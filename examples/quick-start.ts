// The SDK in thirty lines. With a cluster running (`npm start`): node dist/examples/quick-start.js [host:port]
import { codecs, connect, EkvError } from "elastic-kv";

interface City {
  readonly name: string;
  readonly population: number;
}

// Any master or store will do as a seed; the client learns of the others, and of every change, by itself.
const client = await connect<City>({
  seeds: [process.argv[2] ?? "127.0.0.1:7400"],
  codec: codecs.json<City>(),
});
try {
  const version = await client.put("quick-start:bern", { name: "Bern", population: 133_883 });
  console.log("get:", await client.get("quick-start:bern"));

  // Only if nobody has written it since.
  await client.put("quick-start:bern", { name: "Bern", population: 134_591 }, { ifVersion: version });
  try {
    await client.put("quick-start:bern", { name: "Berne", population: 1 }, { ifVersion: version });
  } catch (error) {
    if (!(error instanceof EkvError) || error.code !== "CONDITION_FAILED") throw error;
    console.log("somebody was faster: its version is now", error.current);
  }

  // Expires by itself after a minute.
  await client.put("quick-start:atlantis", { name: "Atlantis", population: 0 }, { ttlMs: 60_000 });
  for await (const { key, value } of client.scan({ prefix: "quick-start:" }))
    console.log(key.toString(), value);
} finally {
  await client.close();
}
