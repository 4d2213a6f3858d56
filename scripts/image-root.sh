#!/bin/sh
# Lays out what an image consists of: node, the libraries that it and the addons load, and what programs expect of a
# system. No shell, no package manager. Runs in the build stage of the Dockerfiles.
# usage: image-root.sh <root> <app>   (<app>: the folder of node_modules and dist, as it will be in the image)
set -eu
root=$1
app=$2
mkdir -p "$root/usr/local/bin" "$root/etc" "$root/tmp" "$root/data" "$root$(dirname "$app")"
cp -L "$(command -v node)" "$root/usr/local/bin/node"
cp -R "$app" "$root$app"
# npm's notes of where it fetched from.
rm -f "$root$app/package-lock.json" "$root$app/node_modules/.package-lock.json"
find "$root$app" \( -name '*.d.ts' -o -name '*.map' -o -name '*.tsbuildinfo' -o -name '*.md' -o -name '*musl*.node' \) -type f -delete
# Addons of other systems.
find "$root$app" -path '*/prebuilds/*' ! -path '*/prebuilds/linux-*' -type f -delete
{
  ldd "$root/usr/local/bin/node"
  find "$root$app" -name '*.node' -exec ldd {} \; 2>/dev/null || true
} | grep -o '/[^ ]*' | sort -u | while read -r library; do
  case "$library" in *:) continue ;; esac
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
echo 'ekv:x:10001:10001::/tmp:/' > "$root/etc/passwd"
echo 'ekv:x:10001:' > "$root/etc/group"
chmod 1777 "$root/tmp"
chown 10001:10001 "$root/data"
