#!/usr/bin/env bash
# One would guess: process.stdout.write(data, callback) calls back with an error when the data did not all go out.
# What happens: where standard output is a file, Node writes once and does not look at how much was taken. When a disk
# fills up, or a limit is reached, in the middle of a write, the rest is dropped, the callback gets no error, and the
# program exits with status 0. fs.createWriteStream("", { fd: 1 }) on the same descriptor reports the error.
# Why it matters: `tool > file` on a disk that fills up leaves a cut file and says that all is well.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
node --version
cat > whole.mjs <<'JS'
import { createWriteStream } from "node:fs";
const stream = process.argv[2] === "own" ? createWriteStream("", { fd: 1 }) : process.stdout;
stream.on("error", () => undefined);
stream.write(Buffer.alloc(1_048_576), (error) => {
  process.stderr.write(`${process.argv[2]}: ${error ? error.code : "no error"}\n`);
});
JS
# 512 blocks of 512 or 1024 bytes, as the shell counts them: less than the megabyte.
for stream in stdout own; do
  (ulimit -f 512 && node whole.mjs "$stream" > "$stream.out" 2> "$stream.err") || true
done
cat stdout.err own.err
echo "process.stdout wrote $(stat -c %s stdout.out) of 1048576 bytes"
if grep -q "stdout: no error" stdout.err && grep -q "own: EFBIG" own.err && [ "$(stat -c %s stdout.out)" -lt 1048576 ]; then
  echo "as described"
else
  echo "CHANGED"
  exit 1
fi
