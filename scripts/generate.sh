#!/usr/bin/env bash
# Makes services/gen from protos/: ts-proto's types, and buf's descriptors for reflection.
# With --check: fails, and changes nothing, when what is committed differs from what would be made.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
out=services/gen
if [ "${1:-}" = "--check" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  buf generate --output "$work"
  out="$work/services/gen"
else
  buf generate
fi
{
  echo "/** The protocol's FileDescriptorSet, as base64. Generated from protos/ by scripts/generate.sh; never edited. */"
  echo "export const descriptorSet: string ="
  echo "  \"$(buf build --as-file-descriptor-set -o -#format=binpb | base64 -w0)\";"
} > "$out/descriptors.ts"
if [ "${1:-}" = "--check" ]; then
  diff -r --exclude tsconfig.json "$out" services/gen || {
    echo "services/gen is not what protos/ generate: run npm run generate" >&2
    exit 1
  }
fi
