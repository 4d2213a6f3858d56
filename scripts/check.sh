#!/usr/bin/env bash
# Everything but the tests that must hold: types, lint, format, protos, generated code, unused code.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
echo "== types";     tsc -b
echo "== lint";      oxlint --type-aware --deny-warnings
echo "== format";    prettier --check --log-level warn .
echo "== protos";    buf lint
echo "== breaking";  buf breaking --against protos/released.binpb
echo "== unused";    knip --no-progress
echo "== generated"; bash scripts/generate.sh --check
echo "check: all clean"
