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

# Says what is being done, apart from what it prints itself.
step() {
    printf '==> %s\n' "$*" >&2
}
