#!/usr/bin/env bash
# Measures the sidecar beside its peers: installs and builds what is missing, then runs `kivi-bench sidecar`.
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
    if [[ ! -e /usr/sbin/haproxy ]]; then
        packages+=(haproxy)
        services+=(haproxy)
    fi
    if [[ ! -e /usr/sbin/varnishd ]]; then
        packages+=(varnish)
        services+=(varnish varnishncsa)
    fi
    [[ ${#packages[@]} -gt 0 ]] || return 0
    step "Installing ${packages[*]}"
    without_services install_packages "${packages[@]}"
    if [[ -d /run/systemd/system ]]; then
        as_root systemctl disable --quiet --now "${services[@]}"
    fi
}

# Runs a command while Debian's packages are forbidden to start a service, as they would at once.
without_services() {
    local policy=/usr/sbin/policy-rc.d
    if [[ -e ${policy} ]]; then
        # Somebody has a policy of their own; what it lets start is stopped behind it.
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee "${policy}" >/dev/null
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
    as_root chmod 755 "${policy}"
    "$@"
    as_root rm -f "${policy}"
    trap - EXIT
}

target=$(target_dir)
readonly target

install_peers
step "Compiling the sidecar as it ships"
build_as_shipped --quiet --package kivi-sidecar
step "Compiling the client"
cargo build --quiet --profile bench --package kivi-bench

if [[ $# -eq 0 ]]; then
    set -- --curves --page docs/benchmarks
fi
exec "${target}/release/kivi-bench" sidecar --kivi-sidecar "${target}/$(ship_target)/release/kivi-sidecar" "$@"
