#!/usr/bin/env bash
# Tests the manifests, the images and the Kubernetes launcher on a real cluster: the one that KUBECONFIG names. It must have no
# namespace elastic-kv, which the tests make and delete, a default StorageClass, and room for five small stores; its nodes must
# find the images. Without KUBECONFIG, or when nobody answers there, the tests are skipped with that reason.
# EKV_TEST_MASTER_IMAGE, EKV_TEST_STORE_IMAGE: the images; default elastic-kv-master:dev and elastic-kv-store:dev, as loaded into
#   the nodes of kind or minikube.
# EKV_TEST_MANIFEST_FILTER: a command that every overlay is piped through before it is applied, for clusters that lack a field.
# EKV_TEST_KEEP=1: leave the namespace there.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/kubectl.sh
skip() {
  EKV_TEST_SKIP=$1 node --test --test-reporter=spec dist/test/kubernetes/*.test.js
  exit 0
}
kubectl=kubectl
if [ -x node_modules/.cache/kubectl/kubectl ]; then kubectl=node_modules/.cache/kubectl/kubectl; fi
if [ -z "${KUBECONFIG:-}" ]; then skip "KUBECONFIG names no cluster"; fi
if ! "$kubectl" version --request-timeout=10s >/dev/null 2>&1; then skip "no cluster answers at KUBECONFIG's address"; fi
"$kubectl" version
EKV_TEST_KUBERNETES=1 node --test --test-force-exit --test-reporter=spec dist/test/kubernetes/*.test.js
