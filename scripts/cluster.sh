#!/usr/bin/env bash
# Brings a cluster up and makes the images in dist/images known to it.
#
# With KUBECONFIG set to another cluster, that one is used; it pulls the images itself, from REGISTRY.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

target=$(target_dir)
readonly target

cargo build --quiet --package kivi-cluster
"${target}/debug/kivi-cluster" up
if [[ -z ${KUBECONFIG:-} || -z ${REGISTRY:-} ]]; then
    "${target}/debug/kivi-cluster" load dist/images/kivi-{server,sidecar,operator}.tar
fi
