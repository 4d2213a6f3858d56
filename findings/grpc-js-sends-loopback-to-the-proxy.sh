#!/usr/bin/env bash
# One would guess: with http_proxy set, calls to 127.0.0.1 still go to 127.0.0.1, as browsers and curl's documented
# examples of no_proxy make one expect.
# What happens: @grpc/grpc-js sends every channel to the proxy, loopback included, unless no_proxy or grpc_proxy says
# otherwise or the channel has grpc.enable_http_proxy: 0.
# Why it matters: a cluster on one machine does not come up where a developer's shell has a proxy, and nothing names the
# proxy.
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
import { createServer } from "node:net";
for (const name of ["no_proxy", "NO_PROXY", "no_grpc_proxy", "grpc_proxy", "https_proxy"]) delete process.env[name];
let asked;
const proxy = createServer((socket) => {
  socket.once("data", (data) => {
    asked = data.toString().split("\r\n")[0];
    socket.destroy();
  });
  socket.on("error", () => undefined);
});
await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
process.env.http_proxy = `http://127.0.0.1:${proxy.address().port}`;
const server = new grpc.Server();
const port = await new Promise((resolve, reject) =>
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, found) =>
    error ? reject(error) : resolve(found),
  ),
);
const outcomeWith = (options) =>
  new Promise((resolve) =>
    new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options).waitForReady(
      Date.now() + 5000,
      (error) => resolve(error === undefined ? "connected" : "not connected"),
    ),
  );
const byDefault = await outcomeWith({});
const withoutProxy = await outcomeWith({ "grpc.enable_http_proxy": 0 });
console.log(`by default: ${byDefault}; the proxy was asked "${asked?.replace(String(port), "PORT")}"`);
console.log(`with grpc.enable_http_proxy 0: ${withoutProxy}`);
const holds = byDefault === "not connected" && asked?.startsWith("CONNECT 127.0.0.1:") && withoutProxy === "connected";
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node run.mjs
