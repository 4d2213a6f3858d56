#!/usr/bin/env bash
# One would guess: a timeout of "0.3s" in a service config is 300 ms: it is the JSON form of a protobuf Duration.
# What happens: @grpc/grpc-js reads the digits after the point as a number of nanoseconds: "0.3s" is 3 ns and every call
# fails with DEADLINE_EXCEEDED. "0.300s" is 300 ns; "0.300000000s" is right. initialBackoff and maxBackoff of a
# retryPolicy, in the same config, are read correctly.
# Why it matters: a config that works with every other gRPC client makes all calls fail with this one.
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
server.addService({ get }, { get: (_call, answer) => setTimeout(answer, 50, null, Buffer.from("fine")) });
const address = await listen(server);
async function outcomeWith(timeout) {
  const config = { methodConfig: [{ name: [{}], timeout }] };
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), {
    "grpc.service_config": JSON.stringify(config),
  });
  await new Promise((resolve) => client.waitForReady(Date.now() + 30_000, resolve));
  return await new Promise((resolve) =>
    client.makeUnaryRequest(get.path, bytes, bytes, Buffer.alloc(0), (error, value) =>
      resolve(error ? grpc.status[error.code] : String(value)),
    ),
  );
}
const outcomes = [];
for (const timeout of ["30.3s", "30.300000000s", "0.9s", "0.900000000s"]) {
  outcomes.push(await outcomeWith(timeout));
  console.log(`timeout "${timeout}", an answer after 50 ms: ${outcomes.at(-1)}`);
}
const holds = outcomes.join() === "fine,fine,DEADLINE_EXCEEDED,fine";
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node run.mjs
