#!/usr/bin/env bash
# One would guess: an attempt to connect that gets no answer is given up after some time (gRPC's connection back-off: 20
# s at first), and the name is looked up again.
# What happens: @grpc/grpc-js has no such limit: when the TCP connection is accepted and no HTTP/2 settings come, as
# with a frozen process or a wrong server, the channel stays CONNECTING and never tries another address.
# Why it matters: a client waits for a server that has long moved to another address of the same name.
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
// Takes connections and says nothing.
let connections = 0;
const silent = createServer(() => (connections += 1));
await new Promise((resolve) => silent.listen(0, "127.0.0.1", resolve));
const client = new grpc.Client(`127.0.0.1:${silent.address().port}`, grpc.credentials.createInsecure());
const channel = client.getChannel();
channel.getConnectivityState(true);
const watchedMs = 40_000;
await new Promise((resolve) => setTimeout(resolve, watchedMs));
const state = grpc.connectivityState[channel.getConnectivityState(false)];
console.log(`after ${watchedMs / 1000} s: ${state}, ${connections} connection(s)`);
const holds = state === "CONNECTING" && connections === 1;
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node run.mjs
