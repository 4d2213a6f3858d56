#!/usr/bin/env bash
# One would guess: a call that a server cuts off with forceShutdown() fails at its caller with UNAVAILABLE. CANCELLED
# means that the caller cancelled it.
# What happens: the caller gets CANCELLED, exactly as if it had cancelled the call itself.
# Why it matters: code that takes CANCELLED for its own doing reports a write as not executed that may have been.
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
const put = method("Put", false);
const server = new grpc.Server();
let begun;
const running = new Promise((resolve) => (begun = resolve));
server.addService({ put }, { put: () => begun() });
const client = new grpc.Client(await listen(server), grpc.credentials.createInsecure());
const outcome = new Promise((resolve) =>
  client.makeUnaryRequest(put.path, bytes, bytes, Buffer.alloc(0), (error) => resolve(error)),
);
await running;
server.forceShutdown();
const { code, details } = await outcome;
console.log(`the caller, which cancelled nothing, got ${grpc.status[code]}: ${details}`);
const holds = code === grpc.status.CANCELLED;
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node run.mjs
