#!/usr/bin/env bash
# node.sh VERSION COMMAND...: runs a command with another Node.js first on PATH, such as 24 or latest. npm's package "node" brings it.
set -euo pipefail
version=$1
shift
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$root/node_modules/.cache/node-$version
if [ ! -x "$folder/node_modules/.bin/node" ]; then
  mkdir -p "$folder"
  echo '{ "private": true }' > "$folder/package.json"
  npm install --prefix "$folder" --no-audit --no-fund --loglevel error "node@$version" >&2
fi
export PATH="$folder/node_modules/.bin:$PATH"
echo "Node.js $(node --version)" >&2
exec "$@"
