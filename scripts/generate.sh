#!/usr/bin/env bash
# Writes what is generated from code: the resource definitions, their copies in the chart, the chart's table of values, the
# OpenAPI document.
#
#   scripts/generate.sh          write
#   scripts/generate.sh --check  fail and say what is stale, change nothing
set -euo pipefail
cd "$(dirname "$0")/.."

cargo run --quiet --package kivi-tests --bin generate -- "$@"
