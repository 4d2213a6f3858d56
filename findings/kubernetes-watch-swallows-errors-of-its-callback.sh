#!/usr/bin/env bash
# One would guess: an error thrown in the callback of Watch.watch() ends the watch, or reaches `done`, or at least
# becomes an uncaught exception.
# What happens: @kubernetes/client-node calls the callback inside the try block that skips lines which are not JSON. The
# error is dropped, and `done` is called without one.
# Why it matters: a bug in the handler looks like an event that never came.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --no-audit --no-fund --loglevel error @kubernetes/client-node@1.4.0 >/dev/null
cat > run.mjs <<'JS'
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { KubeConfig, Watch } from "@kubernetes/client-node";
const { version } = JSON.parse(readFileSync("node_modules/@kubernetes/client-node/package.json", "utf8"));
console.log(`@kubernetes/client-node ${version}, Node.js ${process.version}`);
const server = createServer((_request, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  for (const name of ["one", "two"]) {
    response.write(`${JSON.stringify({ type: "ADDED", object: { metadata: { name } } })}\n`);
  }
  response.end();
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const config = new KubeConfig();
config.loadFromOptions({
  clusters: [{ name: "c", server: `http://127.0.0.1:${server.address().port}`, skipTLSVerify: true }],
  users: [{ name: "u" }],
  contexts: [{ name: "x", cluster: "c", user: "u" }],
  currentContext: "x",
});
let uncaught;
process.on("uncaughtException", (error) => (uncaught = error.message));
process.on("unhandledRejection", (error) => (uncaught = error.message));
let calls = 0;
const error = await new Promise((done) =>
  new Watch(config).watch(
    "/api/v1/pods",
    {},
    () => {
      calls += 1;
      throw new Error("a bug in the handler");
    },
    done,
  ),
);
console.log(`the callback threw ${calls} times; done was called with ${error}; uncaught: ${uncaught}`);
const holds = calls === 2 && error === null && uncaught === undefined;
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node run.mjs
