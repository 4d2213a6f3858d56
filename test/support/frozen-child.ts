import { connect } from "node:net";
import { Client, credentials } from "@grpc/grpc-js";
import { systemClock } from "../../services/runtime/clock.js";
import { connectFramed, type FramedProtocol } from "../../services/wire/framed-connection.js";
import { topologyService } from "../../services/wire/services.js";
import { splitHostPort } from "../../services/core/host-port.js";

// Opens a connection of each kind that is named to an address, says so, and waits to be frozen.
const [address = "", ...kinds] = process.argv.slice(2);

async function openHttp2(): Promise<void> {
  const { path, requestSerialize, responseDeserialize } = topologyService.watchTopology;
  const client = new Client(address, credentials.createInsecure());
  const request = { knownVersion: 0 };
  const watch = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
  await new Promise((resolve) => watch.once("data", resolve));
}

async function openSilent(): Promise<void> {
  const socket = connect(splitHostPort(address));
  await new Promise((resolve) => socket.once("connect", resolve));
}

for (const kind of kinds) {
  if (kind === "http2") await openHttp2();
  else if (kind === "silent") await openSilent();
  else
    await connectFramed({ address, protocol: kind as FramedProtocol, clock: systemClock, connectMs: 60_000 });
}
process.stdout.write("open\n");
setInterval(() => undefined, 60_000);
