#!/usr/bin/env bash
# One would guess: the event 'cancelled' of a server's unary call says that the caller gave up before it was answered.
# What happens: @grpc/grpc-js emits it for calls that were answered OK as well, when their stream closes.
# Why it matters: a handler that undoes work in that event undoes it for calls that succeeded. Only `call.cancelled`,
# read before the answer, tells.
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
const get = method("Get", false);
const server = new grpc.Server();
let cancelled;
const emitted = new Promise((resolve) => (cancelled = resolve));
server.addService({ get }, {
  get(call, answer) {
    call.on("cancelled", () => cancelled(true));
    answer(null, Buffer.from("fine"));
  },
});
const client = new grpc.Client(await listen(server), grpc.credentials.createInsecure());
const answer = await new Promise((resolve, reject) =>
  client.makeUnaryRequest(get.path, bytes, bytes, Buffer.alloc(0), (error, value) =>
    error ? reject(error) : resolve(String(value)),
  ),
);
const wasEmitted = await Promise.race([emitted, new Promise((resolve) => setTimeout(resolve, 10_000, false).unref())]);
console.log(`the caller got "${answer}"; 'cancelled' was ${wasEmitted ? "" : "not "}emitted`);
const holds = wasEmitted;
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node run.mjs
