#!/usr/bin/env bash
# busy.sh COMMAND...: runs a command beside four loops that never rest, as on a machine with much else to do. Exits as it does.
set -euo pipefail
loops=()
for _ in 1 2 3 4; do
  # A loop ends by itself when this script is gone.
  (while kill -0 $$ 2>/dev/null; do for ((i = 0; i < 100000; i++)); do :; done; done) &
  loops+=($!)
done
trap 'kill "${loops[@]}"' EXIT
"$@"
