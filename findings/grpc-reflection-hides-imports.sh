#!/usr/bin/env bash
# One would guess: @grpc/reflection serves the file descriptors that were loaded, with the imports that each file lists,
# so that a client can resolve every type.
# What happens: it serves one made-up file a package, and no file lists any import. A service whose messages are of
# another package names types that its file does not import.
# Why it matters: clients that build descriptors strictly, buf curl among them, refuse such a file. grpcurl is more
# lenient, so the fault stays unseen.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --no-audit --no-fund --loglevel error @grpc/grpc-js@1.14.7 @grpc/proto-loader@0.8.1 @grpc/reflection@1.0.4 protobufjs@7.6.6 >/dev/null
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
import { loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { mkdirSync, writeFileSync } from "node:fs";
import descriptor from "protobufjs/ext/descriptor/index.js";
mkdirSync("protos");
writeFileSync("protos/parts.proto", 'syntax = "proto3"; package parts; message Part { string name = 1; }');
writeFileSync(
  "protos/shop.proto",
  'syntax = "proto3"; package shop; import "parts.proto"; service Shop { rpc Get(parts.Part) returns (parts.Part); }',
);
const server = new grpc.Server();
new ReflectionService(loadSync("shop.proto", { includeDirs: ["protos"] })).addToServer(server);
const { grpc: loaded } = grpc.loadPackageDefinition(
  loadSync("node_modules/@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto", { keepCase: true }),
);
const client = new loaded.reflection.v1.ServerReflection(await listen(server), grpc.credentials.createInsecure());
const answer = await new Promise((resolve, reject) => {
  const stream = client.ServerReflectionInfo();
  stream.on("data", resolve).on("error", reject);
  stream.write({ file_containing_symbol: "shop.Shop" });
});
const files = answer.file_descriptor_response.file_descriptor_proto.map((file) =>
  descriptor.FileDescriptorProto.decode(file),
);
for (const { name, dependency } of files) console.log(`${name}: imports ${JSON.stringify(dependency)}`);
const shop = files.find(({ service }) => service.length > 0);
const holds = shop?.dependency.length === 0;
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node run.mjs
