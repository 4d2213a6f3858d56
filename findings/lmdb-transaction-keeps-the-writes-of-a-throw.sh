#!/usr/bin/env bash
# One would guess: an error thrown in the callback of lmdb-js's transaction() rolls its writes back, as in
# transactionSync() and in nearly every other database client.
# What happens: transaction() rejects with the error and commits what was written before it. transactionSync() and
# childTransaction() roll back.
# Why it matters: the same callback is atomic in one function and not in the other.
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
const body = (key) => () => {
  db.put(key, 1);
  throw new Error("undo");
};
const outcome = {};
await db.transaction(body("transaction")).catch((error) => (outcome.transaction = error.message));
await db.childTransaction(body("childTransaction")).catch((error) => (outcome.childTransaction = error.message));
try {
  db.transactionSync(body("transactionSync"));
} catch (error) {
  outcome.transactionSync = error.message;
}
const kept = Object.keys(outcome).filter((key) => db.get(key) !== undefined);
for (const [name, message] of Object.entries(outcome)) {
  console.log(`${name}: rejected with "${message}", its write is ${kept.includes(name) ? "kept" : "rolled back"}`);
}
const holds = kept.join() === "transaction" && Object.keys(outcome).length === 3;
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node run.mjs
