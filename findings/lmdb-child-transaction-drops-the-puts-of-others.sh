#!/usr/bin/env bash
# One would guess: a put outside an asynchronous childTransaction() of lmdb-js does not depend on it: it is committed,
# or it is rejected.
# What happens: a put that any other code makes while the callback awaits joins the child transaction. When the callback
# then rejects, the put is rolled back with it, although its own promise resolves with true.
# Why it matters: a store that answers a write when the put resolves has acknowledged a write that is gone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --no-audit --no-fund --loglevel error lmdb@3.5.6 >/dev/null
cat > run.mjs <<'JS'
import { readFileSync } from "node:fs";
import { open } from "lmdb";
console.log(`lmdb ${JSON.parse(readFileSync("node_modules/lmdb/package.json", "utf8")).version}, Node.js ${process.version}`);
const db = open({ path: "data" });
let entered;
const inside = new Promise((resolve) => (entered = resolve));
let leave;
const gate = new Promise((resolve) => (leave = resolve));
const child = db.childTransaction(async () => {
  await db.put("child", 1);
  entered();
  await gate;
  throw new Error("undo");
});
const undone = child.then(
  () => "committed",
  (error) => `rejected: ${error.message}`,
);
await inside;
const answer = await db.put("other", 1);
leave();
console.log(`child transaction: ${await undone}`);
console.log(`put of other code: resolved with ${answer}; then get() gives ${db.get("other")}`);
const holds = answer === true && db.get("other") === undefined;
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node run.mjs
