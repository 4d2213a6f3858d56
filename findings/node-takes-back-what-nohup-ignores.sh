#!/usr/bin/env bash
# One would guess: `nohup node server.js` goes on when its terminal closes: nohup starts it with SIGHUP ignored, and
# ignored signals stay ignored across exec.
# What happens: Node.js sets nearly all signals back to their default actions when it starts, so the first hang-up ends
# it. A handler of the program's own does not learn either that the signal was meant to be ignored.
# Why it matters: a server started by hand over ssh ends with the connection, as it would not in other languages.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --no-audit --no-fund --loglevel error node@24.21.0 >/dev/null
cat > run.mjs <<'JS'
import { spawn } from "node:child_process";
console.log(`Node.js ${process.version}`);
async function endOf(command, args) {
  // The shell ignores SIGHUP before it becomes the program, which is all that nohup does.
  const child = spawn("sh", ["-c", 'trap "" HUP; exec "$@"', "sh", command, ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const ended = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(`ended by ${signal}`)));
  child.kill("SIGHUP");
  const outcome = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 3000, "goes on"))]);
  child.kill("SIGKILL");
  return outcome;
}
const node = await endOf(process.execPath, ["-e", "console.log(1); setInterval(() => {}, 1000)"]);
const shell = await endOf("sh", ["-c", "echo 1; while :; do sleep 1; done"]);
console.log(`SIGHUP, ignored at the start: node ${node}; sh ${shell}`);
const holds = node === "ended by SIGHUP" && shell === "goes on";
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node_modules/.bin/node run.mjs
