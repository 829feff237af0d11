#!/usr/bin/env bash
# Measures the operator on the local cluster, which it starts and leaves running: `kivi-bench operator`. With KUBECONFIG
# set to another cluster, that one is used; it must have nodes that KWOK simulates, with the label type=kwok.
# Arguments go to it; without any, everything is measured and docs/benchmarks is written.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

target=$(target_dir)
readonly target

scripts/cluster.sh
step "Compiling the operator as it ships"
build_as_shipped --quiet --package kivi-operator
step "Compiling the client"
cargo build --quiet --package kivi-bench --features operator

if [[ $# -eq 0 ]]; then
    set -- --page docs/benchmarks
fi
# Components of the cluster are started and stopped, so it runs as root.
as_root env KIVI_OPERATOR="${target}/$(ship_target)/release/kivi-operator" KIVI_CACHE="$(kivi_cache)" \
    KUBECONFIG="${KUBECONFIG:-}" "${target}/debug/kivi-bench" operator "$@"
