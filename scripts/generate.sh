#!/usr/bin/env bash
# Writes what is generated from code: the CRD, its copy in the chart, the chart's table of values, the OpenAPI document.
#
#   scripts/generate.sh          write
#   scripts/generate.sh --check  fail and say what is stale, change nothing
set -euo pipefail
cd "$(dirname "$0")/.."

readonly crd=crds/keyvaluestores.kivi.dev.yaml
fresh=$(mktemp)
readonly fresh
trap 'rm -f "${fresh}"' EXIT

cargo run --quiet --package kivi-operator -- crd >"${fresh}"
if [[ ${1:-} != --check ]]; then
    cat "${fresh}" >"${crd}"
    cargo run --quiet --package kivi-tests --bin generate
else
    stale=0
    diff --unified "${crd}" "${fresh}" || stale=1
    cargo run --quiet --package kivi-tests --bin generate -- --check || stale=1
    if ((stale)); then
        printf 'Generated files are stale: run make generate.\n' >&2
        exit 1
    fi
fi
