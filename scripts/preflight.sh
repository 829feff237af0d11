#!/usr/bin/env bash
# Checks what the long work ahead needs, and says all that is missing at once, each with the way out.
#
# KIVI_REQUIRED_GIB overrides how much disk space is asked for.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

missing=()

check_machine() {
    if [[ $(uname -s) != Linux ]]; then
        missing+=("Linux: this is $(uname -s); use a Linux machine or a virtual one.")
        return
    fi
    case "$(uname -m)" in
    x86_64 | aarch64) ;;
    *) missing+=("an x86_64 or arm64 machine: this is $(uname -m).") ;;
    esac
    if ! command -v apt-get >/dev/null; then
        missing+=("Debian or Ubuntu: there is no apt-get; install $(scripts/packages.sh --list | paste -sd' ') by hand, or use such a machine.")
    fi
}

check_root() {
    if [[ $(id -u) -ne 0 ]] && ! sudo --non-interactive true 2>/dev/null; then
        missing+=("root: run as root, or let sudo ask nothing (\`sudo --validate\` first does, for a while).")
    fi
}

check_rust() {
    if ! command -v cargo >/dev/null; then
        missing+=("Rust: there is no cargo in PATH; install it by https://rustup.rs, then open a new shell.")
    fi
}

check_go() {
    local way_out="install it by https://go.dev/doc/install."
    if ! command -v go >/dev/null; then
        missing+=("Go 1.26 or newer: there is no go in PATH; ${way_out}")
        return
    fi
    local version major minor
    version=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null || true)
    IFS=. read -r major minor _ <<<"${version#go}"
    minor=${minor%%[^0-9]*}
    if [[ ! ${major} =~ ^[0-9]+$ || ! ${minor} =~ ^[0-9]+$ ]] || ((major < 1 || (major == 1 && minor < 26))); then
        missing+=("Go 1.26 or newer: this is ${version:-an unknown version}; ${way_out}")
    fi
}

# Measured: Go's module and build caches 8.7 GiB, the tools 0.7, Rust's target folder 5, a cluster 0.3.
required_gib() {
    if compgen -G "$(kivi_cache)/tools/kubernetes-*" >/dev/null; then
        printf '6\n'
    else
        printf '15\n'
    fi
}

check_disk() {
    local folder required free
    folder=$(kivi_cache)
    required=${KIVI_REQUIRED_GIB:-$(required_gib)}
    until [[ -d ${folder} ]]; do
        folder=$(dirname "${folder}")
    done
    free=$(($(df --output=avail --block-size=1M "${folder}" | tail -n 1) / 1024))
    if ((free < required)); then
        missing+=("disk space: ${required} GiB are needed at $(kivi_cache) and ${free} GiB are free; free some, or set KIVI_CACHE, GOPATH and GOCACHE to folders on a larger disk.")
    fi
}

check_machine
check_root
check_rust
check_go
check_disk

if [[ ${#missing[@]} -gt 0 ]]; then
    printf 'Kivi cannot go on here. Missing:\n' >&2
    printf '  - %s\n' "${missing[@]}" >&2
    exit 1
fi
