# shellcheck shell=bash
# Shared by the scripts beside it: sourced, not run.

# Where built tools and other things that outlive a checkout are kept.
kivi_cache() {
    printf '%s\n' "${KIVI_CACHE:-${XDG_CACHE_HOME:-${HOME}/.cache}/kivi}"
}

# Runs a command as root.
as_root() {
    if [[ $(id -u) -eq 0 ]]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Installs Debian packages.
install_packages() {
    # The package index of a fresh machine is empty or old: fetched if it does not do.
    if ! try_install_packages "$@"; then
        as_root apt-get update --quiet
        try_install_packages "$@"
    fi
}

try_install_packages() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends \
        -o DPkg::Lock::Timeout=300 "$@"
}

# Where cargo puts what it compiles, as an absolute path: by CARGO_TARGET_DIR, its own configuration, or here.
target_dir() {
    cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# Compiles programs as they ship, statically, into $(target_dir)/$(ship_target)/release. Arguments go to cargo.
build_as_shipped() {
    # Identical functions are folded and relocations packed, which together spare each image half a megabyte.
    RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,--icf=all -C link-arg=-Wl,-z,pack-relative-relocs" \
        cargo build --release --target "$(ship_target)" "$@"
}

# Static glibc. Naming the target keeps the flags away from procedural macros, which must be dynamic.
ship_target() {
    printf '%s-unknown-linux-gnu\n' "$(uname -m)"
}

# Says what is being done, apart from what it prints itself.
step() {
    printf '==> %s\n' "$*" >&2
}
