#!/usr/bin/env bash
# Runs the compiled tests: all but those of `docker` and `kubernetes` (npm run test:docker, test:kubernetes), or those of the folders named.
# --without-mutants leaves out the tests of tests, which find mutants: they take minutes, and neither Node's version nor a busy machine matters to them.
# In CI a skipped test is a failure: it would be one that runs nowhere.
set -euo pipefail
cd "$(dirname "$0")/.."
left_out=()
if [ "${1:-}" = --without-mutants ]; then
  left_out=(-not -path '*/mutants/*')
  shift
fi
folders=()
for name in "${@:-}"; do
  if [ -n "$name" ]; then folders+=("dist/test/$name"); fi
done
if [ ${#folders[@]} -eq 0 ]; then folders=(dist/test); fi
mapfile -t files < <(find "${folders[@]}" -name '*.test.js' -not -path 'dist/test/docker/*' -not -path 'dist/test/kubernetes/*' "${left_out[@]}" | sort)
if [ ${#files[@]} -eq 0 ]; then
  echo "no tests found in ${folders[*]}" >&2
  exit 1
fi
test=(node --test --test-reporter=spec --test-reporter-destination=stdout)
if [ -z "${CI:-}" ]; then exec "${test[@]}" "${files[@]}"; fi
events=$(mktemp)
trap 'rm -f "$events"' EXIT
"${test[@]}" --test-reporter=tap --test-reporter-destination="$events" "${files[@]}"
if grep -E '^ *(not )?ok .* # SKIP' "$events" >&2; then
  echo "the tests above were skipped: install what they lack in .ci/run" >&2
  exit 1
fi
