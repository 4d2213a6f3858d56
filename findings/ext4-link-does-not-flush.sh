#!/usr/bin/env bash
# One would guess: to create a file atomically, write a temporary file and link() or rename() it to its name. ext4 flushes
# the data first, as its auto_da_alloc does when a rename replaces a file, so after a power loss the file is whole or absent.
# What happens: auto_da_alloc covers only a rename over an existing file, and truncation. After link(), or rename() to a new
# name, the name can reach the disk before the data: the file is there and empty.
# Why it matters: lock and identity files are made just so, and a program that finds an empty one does not start.
# Needs root and a loop device. The "power loss" is a copy of the mounted image, taken after another file's fsync.
set -euo pipefail
work=$(mktemp -d)
trap 'umount "$work/disk" "$work/after" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
mkdir disk after
truncate -s 64M image
mkfs.ext4 -q image
mount -o loop image disk
echo "Linux $(uname -r), $(mkfs.ext4 -V 2>&1 | head -n 1)"
echo "old content" > disk/replaced
sync
echo "new content" > disk/new && mv disk/new disk/replaced
echo "linked content" > disk/temporary && ln disk/temporary disk/linked && rm disk/temporary
echo "renamed content" > disk/another && mv disk/another disk/renamed
# Somebody else's fsync commits the journal, and with it the names.
echo "x" > disk/other && sync disk/other
cp image copy
mount -o loop copy after
for name in replaced linked renamed; do echo "$name: $(stat -c %s "after/$name") bytes"; done
if [ -s after/replaced ] && [ -e after/linked ] && [ ! -s after/linked ] && [ -e after/renamed ] && [ ! -s after/renamed ]; then
  echo "as described"
else
  echo "CHANGED"
  exit 1
fi
