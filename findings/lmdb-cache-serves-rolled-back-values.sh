#!/usr/bin/env bash
# One would guess: after transactionSync() threw and was rolled back, get() gives the value that is in the database.
# What happens: with `cache: true` lmdb-js goes on giving the value of the transaction that was rolled back, for as long
# as it is cached.
# Why it matters: a reader sees a write that never happened. A restart makes it vanish.
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
const db = open({ path: "data", cache: true });
await db.put("key", "old");
try {
  db.transactionSync(() => {
    db.put("key", "rolled back");
    throw new Error("undo");
  });
} catch (error) {
  console.log(`transaction: ${error.message}`);
}
const cached = db.get("key");
await db.close();
const stored = open({ path: "data" }).get("key");
console.log(`get() after the rollback: ${cached}; after reopening: ${stored}`);
const holds = cached === "rolled back" && stored === "old";
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node run.mjs
