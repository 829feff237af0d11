#!/usr/bin/env bash
# Builds the static binaries and the images around them, and writes dist/images/NAME.tar.
#
#   REGISTRY   prefix of the images' names [localhost/kivi]
#   TAG        their tag [the workspace's version]
#   PUSH=1     also pushes them to the registry (after `buildah login`)
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

readonly names=(kivi-server kivi-sidecar kivi-operator)
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
readonly version
readonly registry=${REGISTRY:-localhost/kivi}
readonly tag=${TAG:-${version}}
readonly files=dist/image
# The server's image stays smaller than this, in bytes: a Go service that does less is that large.
readonly server_limit=6880000

# What an image depends on, to tell whether it is built already.
key() {
    printf '%s\n' "$1" "${registry}" "${tag}" "${version}"
    sha256sum Dockerfile "${files}/bin/$1" "${files}"/etc/{passwd,group}
}

buildah_() {
    as_root buildah --storage-driver vfs --root "${storage}/root" --runroot "${storage}/run" "$@"
}

build() {
    local name=$1 image="${registry}/$1:${tag}" archive="dist/images/$1.tar"
    rm -f "${archive}" "${archive}.key"
    buildah_ bud --quiet --isolation chroot --build-arg BINARIES=prebuilt --build-arg VERSION="${version}" \
        --build-arg REVISION="${revision}" --target "${name}" --timestamp 0 --tag "${image}" . >/dev/null
    buildah_ push --quiet "${image}" "docker-archive:${archive}:${image}"
    as_root chown "$(id -u):$(id -g)" "${archive}"
    if [[ ${PUSH:-} == 1 ]]; then
        step "Pushing ${image}"
        buildah_ push "${image}" "docker://${image}"
    fi
    key "${name}" >"${archive}.key"
}

clean() {
    as_root rm -rf "${storage}"
}

step "Compiling static binaries"
scripts/binaries.sh
revision=$(git describe --always --dirty --abbrev=40 --exclude "*" 2>/dev/null || printf "unknown")
readonly revision
mkdir -p dist/images
storage=$(mktemp --directory)
readonly storage
trap clean EXIT
for name in "${names[@]}"; do
    archive="dist/images/${name}.tar"
    if [[ ${PUSH:-} == 1 || ! -e ${archive} ]] || ! key "${name}" | cmp --quiet - "${archive}.key"; then
        step "Building ${registry}/${name}:${tag}"
        build "${name}"
    fi
    printf '%s/%s:%s  %s  %d bytes\n' "${registry}" "${name}" "${tag}" "${archive}" "$(stat --format %s "${archive}")"
done
size=$(stat --format %s dist/images/kivi-server.tar)
if ((size >= server_limit)); then
    printf 'error: the image of kivi-server has %d bytes, and must have fewer than %d\n' "${size}" "${server_limit}" >&2
    exit 1
fi
