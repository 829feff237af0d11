#!/usr/bin/env bash
# Compiles the static binaries, and lays out what images hold in dist/image: bin/, etc/.
# Arguments go to cargo.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

readonly names=(kivi-server kivi-sidecar kivi-operator)
readonly files=dist/image
target=$(target_dir)
readonly target

# One call for all, so that what they share is compiled once.
build_as_shipped "${names[@]/#/--package=}" "$@"

rm -rf "${files}"
mkdir -p "${files}/bin" "${files}/etc"
cp images/etc/* "${files}/etc/"
for name in "${names[@]}"; do
    cp "${target}/$(ship_target)/release/${name}" "${files}/bin/"
done
# The linker leaves the symbol table of a static position-independent program.
strip --strip-all "${names[@]/#/${files}/bin/}"
