#!/usr/bin/env bash
# One would guess: a server with grpc.default_compression_algorithm set to gzip compresses its answers for clients that
# accept gzip.
# What happens: @grpc/grpc-js takes the option without a word and answers with grpc-encoding: identity.
# Why it matters: an operator who turns compression on pays for the full traffic and finds no hint why.
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
import { connect } from "node:http2";
const get = method("Get", false);
const server = new grpc.Server({
  "grpc.default_compression_algorithm": grpc.compressionAlgorithms.gzip,
  "grpc.default_compression_level": 3,
});
server.addService({ get }, { get: (_call, answer) => answer(null, Buffer.alloc(100_000)) });
const session = connect(`http://${await listen(server)}`);
const stream = session.request({
  ":method": "POST",
  ":path": get.path,
  "content-type": "application/grpc",
  te: "trailers",
  "grpc-accept-encoding": "identity,gzip",
});
let encoding;
let received = 0;
stream.on("response", (headers) => (encoding = headers["grpc-encoding"]));
stream.on("data", (chunk) => (received += chunk.length));
stream.end(Buffer.alloc(5));
await new Promise((resolve) => stream.on("end", resolve));
console.log(`grpc-encoding: ${encoding}; 100000 zeros took ${received} bytes`);
const holds = encoding !== "gzip" && received > 100_000;
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node run.mjs
