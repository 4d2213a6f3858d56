#!/usr/bin/env bash
# One would guess: `for await` over a server-streamed call gives every message that came before the status, and then
# throws when the status is an error.
# What happens: when the loop's body awaits, messages that have arrived already are dropped the moment the error status
# does. Listeners of 'data' get all of them.
# Why it matters: a client that resumes after the last message it saw does the work again, and one that counts messages
# counts wrong.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --no-audit --no-fund --loglevel error @grpc/grpc-js@1.14.7 >/dev/null
cat > run.mjs <<'JS'
import * as grpc from "@grpc/grpc-js";
import { createRequire } from "node:module";
console.log(`@grpc/grpc-js ${createRequire(import.meta.url)("@grpc/grpc-js/package.json").version}, Node.js ${process.version}`);
const bytes = (value) => value;
const method = (name, responseStream) => ({
  path: `/finding.Service/${name}`,
  requestStream: false,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});
const listen = (server) =>
  new Promise((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(`127.0.0.1:${port}`),
    ),
  );
const list = method("List", true);
const sent = 40;
const server = new grpc.Server();
server.addService({ list }, {
  list(call) {
    for (let i = 0; i < sent; i++) call.write(Buffer.from(String(i)));
    call.emit("error", { code: grpc.status.UNAVAILABLE, details: "leaving" });
  },
});
const client = new grpc.Client(await listen(server), grpc.credentials.createInsecure());
const open = () => client.makeServerStreamRequest(list.path, bytes, bytes, Buffer.alloc(0));
let iterated = 0;
let reason;
try {
  for await (const _ of open()) {
    iterated += 1;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
} catch (error) {
  reason = error.details;
}
let listened = 0;
await new Promise((resolve) => {
  open()
    .on("data", () => (listened += 1))
    .on("error", resolve);
});
console.log(`sent ${sent}, then UNAVAILABLE "${reason}"; for await: ${iterated}, 'data' events: ${listened}`);
const holds = iterated < sent && listened === sent;
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node run.mjs
