#!/usr/bin/env bash
# Tests the images, the compose file and the Docker launcher on a real engine. One that answers is used (DOCKER_HOST); else, as
# root and with dockerd installed, one is started for the tests and stopped at their end. Without any, the tests are skipped with
# that reason; in CI (CI=true) that is a failure.
# NODE_IMAGE: what the images are built from; default: an image made of this machine's own files.
# KEEP_IMAGES=1: leave the images on an engine that was there before, and use them the next time.
set -euo pipefail
cd "$(dirname "$0")/.."
tag=test
engine=""
stop_engine() {
  if [ -z "$engine" ]; then return; fi
  scripts/engine.sh stop "$engine"
  rm -rf "$engine"
}
trap stop_engine EXIT

# The newest docker commands build by BuildKit only with a plugin, Debian's has it built in.
for candidate in docker /usr/bin/docker; do
  command -v "$candidate" >/dev/null || continue
  if "$candidate" buildx version >/dev/null 2>&1 || [[ $("$candidate" --version) =~ \ (18|19|20|21|22)\. ]]; then
    DOCKER=$candidate
    break
  fi
done
export DOCKER=${DOCKER:-}
# Every Compose there is, as "<version>=<command>" line by line: the newest, fetched if need be, and Debian's 1.29.
composes=""
add_compose() {
  local version
  version=$($1 version --short 2>/dev/null) || return 1
  version=${version#v}
  if [[ $'\n'$composes != *$'\n'"$version="* ]]; then composes+="$version=$1"$'\n'; fi
}
skip() {
  if [ "${CI:-}" = true ]; then echo "test:docker must run in CI, but $1" >&2; exit 1; fi
  EKV_TEST_SKIP=$1 node --test --test-reporter=spec dist/test/docker/*.test.js
  exit 0
}
if [ -z "$DOCKER" ]; then skip "there is no docker command that builds with BuildKit"; fi
if ! "$DOCKER" version >/dev/null 2>&1; then
  if [ "$(id -u)" != 0 ] || ! command -v dockerd >/dev/null || ! command -v openssl >/dev/null; then
    skip "no Docker engine answers, and none can be started here: that takes root, dockerd and openssl"
  fi
  engine=$(mktemp -d /tmp/ekv-engine-XXXXXX)
  scripts/engine.sh start "$engine" || { cat "$engine/log" >&2; exit 1; }
  export DOCKER_HOST=unix://$engine/docker.sock
fi
if ! add_compose "docker compose"; then
  if newest=$(scripts/compose.sh 2>dist/compose.log); then add_compose "$newest"
  else echo "the compose file is not tested with Compose v2: $(tail -1 dist/compose.log)"; fi
fi
add_compose docker-compose || true
if [ -z "$composes" ]; then skip "there is neither docker compose nor docker-compose"; fi

if [ -z "${KEEP_IMAGES:-}" ] || ! "$DOCKER" image inspect "elastic-kv-master:$tag" "elastic-kv-store:$tag" >/dev/null 2>&1; then
  if [ -z "${NODE_IMAGE:-}" ]; then
    export NODE_IMAGE=elastic-kv-node:$tag
    scripts/base-image.sh "$NODE_IMAGE"
  fi
  scripts/build-images.sh "$tag" >dist/images.log 2>&1 || { tail -40 dist/images.log >&2; exit 1; }
fi
"$DOCKER" image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}' | grep '^elastic-kv-' || true
status=0
EKV_TEST_TAG=$tag EKV_TEST_COMPOSES=$composes EKV_TEST_ENGINE=$engine \
  node --test --test-concurrency=1 --test-reporter=spec dist/test/docker/*.test.js || status=$?
if [ -z "${KEEP_IMAGES:-}" ]; then
  "$DOCKER" image rm --force "elastic-kv-master:$tag" "elastic-kv-store:$tag" >/dev/null
  if [ "$NODE_IMAGE" = "elastic-kv-node:$tag" ]; then "$DOCKER" image rm --force "$NODE_IMAGE" >/dev/null; fi
fi
exit $status
