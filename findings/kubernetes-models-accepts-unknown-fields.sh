#!/usr/bin/env bash
# One would guess: validate() of a kubernetes-models object refuses a field that its schema does not have, as the API
# server's strict field validation does.
# What happens: a misspelt field is valid. Only values of known fields are checked; the package's own TypeScript types,
# used with an object literal, do find it.
# Why it matters: a manifest test passes while the setting it is about is never applied.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --no-audit --no-fund --loglevel error kubernetes-models@4.5.1 >/dev/null
cat > run.mjs <<'JS'
import { readFileSync } from "node:fs";
import { StatefulSet } from "kubernetes-models/apps/v1/StatefulSet";
const { version } = JSON.parse(readFileSync("node_modules/kubernetes-models/package.json", "utf8"));
console.log(`kubernetes-models ${version}, Node.js ${process.version}`);
function verdictOn(podSpec) {
  const labels = { app: "a" };
  const containers = [{ name: "c", image: "i" }];
  const template = { metadata: { labels }, spec: { containers, ...podSpec } };
  const spec = { serviceName: "a", selector: { matchLabels: labels }, template };
  try {
    new StatefulSet({ metadata: { name: "a" }, spec }).validate();
    return "valid";
  } catch (error) {
    return `refused: ${error.message}`;
  }
}
const misspelt = verdictOn({ terminationGracePeriodSecond: 30 });
const mistyped = verdictOn({ terminationGracePeriodSeconds: "30" });
console.log(`terminationGracePeriodSecond: 30      ${misspelt}`);
console.log(`terminationGracePeriodSeconds: "30"   ${mistyped}`);
const holds = misspelt === "valid" && mistyped !== "valid";
console.log(holds ? "as described" : "CHANGED");
process.exit(holds ? 0 : 1);
JS
timeout 60 node run.mjs
