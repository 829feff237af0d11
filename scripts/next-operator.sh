#!/usr/bin/env bash
# Builds the operator a second time as one of a later release, kivi-operator-next beside it: for the test that an
# upgrade of the operator restarts no store.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

target=$(target_dir)
readonly target

KIVI_RELEASE=0.2.0 cargo build --quiet --package kivi-operator
cp "${target}/debug/kivi-operator" "${target}/debug/kivi-operator-next"
# The first one again, which the tests run too.
cargo build --quiet --package kivi-operator
