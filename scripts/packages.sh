#!/usr/bin/env bash
# Installs the Debian packages that building and the local cluster need, those that are missing only.
#
#   scripts/packages.sh          install
#   scripts/packages.sh --list   print what is missing, change nothing
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

# By what a package brings rather than by its name: containerd may well be Docker's, which Debian's would
# push out.
missing_packages() {
    # System programs are not in everybody's PATH.
    local PATH="${PATH}:/usr/local/sbin:/usr/sbin:/sbin"
    local command package
    while read -r command package; do
        command -v "${command}" >/dev/null || printf '%s\n' "${package}"
    done <<'COMMANDS'
cc gcc
containerd containerd
ctr containerd
runc runc
iptables iptables
ip iproute2
nsenter util-linux
buildah buildah
COMMANDS
    [[ -e /usr/lib/cni/ptp || -e /opt/cni/bin/ptp ]] || printf 'containernetworking-plugins\n'
    # The C library's static half, for binaries that need no other file.
    compgen -G '/usr/lib/*/libc.a' >/dev/null || printf 'libc6-dev\n'
}

mapfile -t packages < <(missing_packages | sort --unique)
if [[ ${1:-} == --list ]]; then
    printf '%s\n' "${packages[@]}"
elif [[ ${#packages[@]} -gt 0 ]]; then
    step "Installing ${packages[*]}"
    install_packages "${packages[@]}"
fi

# The tests and the demo load this machine's package index; a fresh machine knows only what is installed.
known=$(apt-cache pkgnames 2>/dev/null | wc -l)
if [[ ${1:-} != --list && ${known} -lt 5000 ]] && command -v apt-get >/dev/null; then
    step "Fetching the package index"
    as_root apt-get update --quiet
fi
