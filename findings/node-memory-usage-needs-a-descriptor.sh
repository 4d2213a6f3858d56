#!/usr/bin/env bash
# One would guess: process.memoryUsage.rss() and process.memoryUsage() read a counter, and cannot fail.
# What happens: on Linux they open /proc/self/stat. A process that has used up its file descriptors gets an exception,
# EMFILE.
# Why it matters: it is called in the timer that reports the process's health, where an exception ends the process just
# when it is busiest.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --no-audit --no-fund --loglevel error node@24.21.0 >/dev/null
cat > run.mjs <<'JS'
import { openSync } from "node:fs";
console.log(`Node.js ${process.version}`);
const before = process.memoryUsage.rss();
let code;
// Until none is left.
try {
  for (;;) openSync("/dev/null", "r");
} catch (error) {
  code = error.code;
}
let outcome;
try {
  outcome = `${process.memoryUsage.rss()} bytes`;
} catch (error) {
  outcome = `throws ${error.code}, ${error.syscall}`;
}
console.log(`with descriptors: ${before > 0 ? "a number" : "nothing"}; without any (open: ${code}): ${outcome}`);
const holds = code === "EMFILE" && outcome === "throws EMFILE, uv_resident_set_memory";
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
bash -c "ulimit -n 64; timeout 60 node_modules/.bin/node run.mjs"
