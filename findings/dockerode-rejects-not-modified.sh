#!/usr/bin/env bash
# One would guess: container.stop() of a container that has stopped, and start() of one that runs, resolve: the engine
# answers 304 (not modified), and the wish is fulfilled.
# What happens: dockerode rejects with an error whose statusCode is 304. Its message reads like a failure of HTTP.
# Why it matters: code that stops a container in its clean-up fails in the ordinary case that somebody else was faster.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --no-audit --no-fund --loglevel error dockerode@5.0.1 >/dev/null
cat > run.mjs <<'JS'
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import Docker from "dockerode";
const { version } = JSON.parse(readFileSync("node_modules/dockerode/package.json", "utf8"));
console.log(`dockerode ${version}, Node.js ${process.version}`);
// Answers as the Engine API documents ContainerStop and ContainerStart for a container that is in that state already.
const engine = createServer((_request, response) => response.writeHead(304).end());
await new Promise((resolve) => engine.listen(0, "127.0.0.1", resolve));
const container = new Docker({ protocol: "http", host: "127.0.0.1", port: engine.address().port }).getContainer("c");
const outcomes = [];
for (const action of ["stop", "start"]) {
  const outcome = await container[action]().then(
    () => "resolved",
    (error) => `rejected with ${error.statusCode}: ${error.message.trim()}`,
  );
  outcomes.push(outcome);
  console.log(`${action}(): ${outcome}`);
}
const holds = outcomes.every((outcome) => outcome.startsWith("rejected with 304"));
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node run.mjs
