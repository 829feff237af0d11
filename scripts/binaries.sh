#!/usr/bin/env bash
# Compiles the static binaries, and lays out what images hold in dist/image: bin/, etc/.
# Arguments go to cargo.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly names=(kivi-server kivi-sidecar kivi-operator)
readonly files=dist/image

# Static glibc. The explicit target keeps the flag away from procedural macros, which must be dynamic.
target="$(uname -m)-unknown-linux-gnu"
readonly target
# Identical functions are folded and relocations packed, which together spare each image half a megabyte.
export RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,--icf=all -C link-arg=-Wl,-z,pack-relative-relocs"

# One call for all, so that what they share is compiled once.
cargo build --release --target "${target}" "${names[@]/#/--package=}" "$@"

rm -rf "${files}"
mkdir -p "${files}/bin" "${files}/etc"
cp images/etc/* "${files}/etc/"
cp "${names[@]/#/target/${target}/release/}" "${files}/bin/"
# The linker leaves the symbol table of a static position-independent program.
strip --strip-all "${names[@]/#/${files}/bin/}"
