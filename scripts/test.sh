#!/usr/bin/env bash
# Everything that CI runs: checks, unit, chart and drift tests, images, and the tests on a real cluster.
# Stops what it started: a cluster that was up before stays up.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

times=()

# Runs one part and remembers how long it took.
part() {
    local name=$1 start=${SECONDS}
    shift
    step "${name}"
    "$@"
    times+=("$(printf '%-44s %4d s' "${name}" $((SECONDS - start)))")
}

stop() {
    local code=$?
    if ((stop_cluster)); then
        "${target}/debug/kivi-cluster" down || code=1
    fi
    printf '%s\n' "${times[@]}" >&2
    if ((code == 0)); then
        printf 'All passed in %d s.\n' "${SECONDS}" >&2
    else
        printf 'Failed.\n' >&2
    fi
    exit "${code}"
}

stop_cluster=0
trap stop EXIT

part "What this machine lacks" scripts/preflight.sh
part "Debian packages" scripts/packages.sh
target=$(target_dir)
readonly target
part "Format and lints" scripts/lint.sh
part "Unit, contract and chart tests" cargo test --quiet --workspace
part "Generated files" scripts/generate.sh --check
part "Images" scripts/images.sh
cargo build --quiet --package kivi-cluster --package kubectl-kivi
if [[ -z ${KUBECONFIG:-} ]] && ! "${target}/debug/kivi-cluster" status >/dev/null; then
    stop_cluster=1
fi
part "The cluster" scripts/cluster.sh
part "Tests on the cluster" cargo test --package kivi-tests --features cluster --test cluster
part "Tests that break the cluster" scripts/faults.sh
