#!/usr/bin/env bash
# Measures the server beside its peers: installs and builds what is missing, then runs `kivi-bench server`.
# Arguments go to it; without any, everything is measured and docs/benchmarks is written.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

# Peers of Debian, by their programs. Their services are not wanted: what is measured is started by hand.
install_peers() {
    local packages=() services=()
    if [[ ! -e /usr/sbin/nginx ]]; then
        packages+=(nginx-light)
        services+=(nginx)
    fi
    if [[ ! -e /usr/bin/redis-server ]]; then
        packages+=(redis-server)
        services+=(redis-server)
    fi
    [[ ${#packages[@]} -gt 0 ]] || return 0
    step "Installing ${packages[*]}"
    install_packages "${packages[@]}"
    if [[ -d /run/systemd/system ]]; then
        as_root systemctl disable --quiet --now "${services[@]}"
    fi
}

target=$(target_dir)
peers=$(kivi_cache)/bench
readonly target peers

install_peers
step "Compiling the server as it ships"
build_as_shipped --quiet --package kivi-server
step "Compiling the client"
cargo build --quiet --profile bench --package kivi-bench
step "Building the peers in Go"
mkdir -p "${peers}"
(cd tests/bench/peers/go-map && GOFLAGS='' GOWORK=off CGO_ENABLED=0 go build -trimpath -o "${peers}/go-map" .)
etcd=$(cargo run --quiet --package kivi-cluster -- tool etcd)

if [[ $# -eq 0 ]]; then
    set -- --curves --page docs/benchmarks
fi
exec "${target}/release/kivi-bench" server --kivi-server "${target}/$(ship_target)/release/kivi-server" \
    --go-map "${peers}/go-map" --etcd "${etcd}" "$@"
