#!/usr/bin/env bash
# The tests that break the local cluster, one at a time. They need root, as they stop its components.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

if [[ -n ${KUBECONFIG:-} ]]; then
    step "Left out: KUBECONFIG names a cluster that is not there to be broken"
    exit 0
fi
if ((EUID != 0)); then
    # Only the test program runs as root: what cargo builds stays the user's.
    triple=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
    export "CARGO_TARGET_${triple}_RUNNER=sudo env HOME=${HOME} PATH=${PATH}"
fi
scripts/next-operator.sh
cargo test --package kivi-tests --features cluster --test faults -- --test-threads=1
