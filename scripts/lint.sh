#!/usr/bin/env bash
# Format, lints and shell scripts, as CI wants them.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

step "Checking the format"
cargo fmt --all --check
step "Checking the lints"
cargo clippy --quiet --workspace --all-targets --all-features -- --deny warnings
if command -v shellcheck >/dev/null; then
    step "Checking shell scripts"
    shellcheck --external-sources scripts/*.sh .ci/run
fi
