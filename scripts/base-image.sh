#!/usr/bin/env bash
# Makes a NODE_IMAGE of this machine's own files, for builds where no image registry can be reached: node, npm, the commands that
# the Dockerfiles use, and the libraries of all these. Nothing of the machine's configuration goes into it.
# usage: base-image.sh <tag>    (DOCKER: the docker command)
set -euo pipefail
tag=$1
commands=(bash sh env node ldd cat chmod chown cp cut date dirname find grep head id ln ls mkdir mv printf pwd readlink rm rmdir
  sed sleep sort tail test touch tr uname wc xargs)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
mkdir -p "$root"/{etc,proc,root,usr/{bin,sbin,lib,lib64,local/{bin,lib/node_modules}}}
mkdir -m 1777 "$root/tmp"
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
for command in "${commands[@]}"; do
  path=$(type -P "$command")
  cp -L "$path" "$root/usr/bin/$command"
  echo "$path"
done | { xargs ldd 2>/dev/null || true; } | grep -o '/[^ :]*' | sort -u | while read -r library; do
  [[ $library == *.so* ]] || continue
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
npm=$(dirname "$(dirname "$(readlink -f "$(type -P npm)")")")
cp -RL "$npm" "$root/usr/local/lib/node_modules/npm"
rm -f "$root/usr/local/lib/node_modules/npm/npmrc"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
# What npm has fetched on this machine need not be fetched again.
cache=$(npm config get cache)/_cacache
if [ -d "$cache" ]; then mkdir -p "$root/root/.npm" && cp -R "$cache" "$root/root/.npm/"; fi
echo 'root:x:0:0::/root:/bin/sh' > "$root/etc/passwd"
echo 'root:x:0:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
tar -C "$root" -c . | "${DOCKER:-docker}" import --change 'ENV PATH=/usr/local/bin:/usr/bin' - "$tag" >/dev/null
