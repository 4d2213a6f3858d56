#!/usr/bin/env bash
# Builds both images: elastic-kv-master:<tag> and elastic-kv-store:<tag>. Behind a registry of one's own, npm's configuration and
# certificates of this machine are handed to the build as secrets, and stay out of the images.
# usage: build-images.sh <tag>    (NODE_IMAGE: what to build from; default: see Dockerfile.master. DOCKER: the docker command)
set -euo pipefail
cd "$(dirname "$0")/.."
tag=$1
secrets=$(mktemp -d)
trap 'rm -rf "$secrets"' EXIT
echo "registry=$(npm config get registry)" > "$secrets/npmrc"
given=(--secret "id=npmrc,src=$secrets/npmrc")
authorities=$(npm config get cafile)
if [ -f "$authorities" ]; then given+=(--secret "id=ca,src=$authorities"); fi
if [ -n "${NODE_IMAGE:-}" ]; then given+=(--build-arg "NODE_IMAGE=$NODE_IMAGE"); fi
given+=(--build-arg "VERSION=$(node -p 'require("./package.json").version')")
given+=(--build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)")
for part in store master; do
  DOCKER_BUILDKIT=1 "${DOCKER:-docker}" build --progress plain --file "Dockerfile.$part" --tag "elastic-kv-$part:$tag" "${given[@]}" .
done
