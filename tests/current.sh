#!/bin/sh
# The tests on the current stack, whatever .venv is on: `make test-current`, with ARGS=tests/trainer a part of them; or
# another command of a set-up checkout: `tests/current.sh .venv/bin/mobilenet --version`. SHARED=/folder is seen there too.
#
# If .venv is on it, or will be when it is made, they run in place. Else on a copy of the working tree with a .venv of its
# own: on this machine where its glibc and a Python allow, or in a Debian 13 made with debootstrap, by root. All of that lies
# in .current/ (CURRENT=/folder names another), is kept for the next time (8 GB) and may be deleted. debootstrap is installed
# where it is missing; else the machine stays as it is: what is mounted in Debian is seen by its processes alone, and goes with them.
# Debian comes from debootstrap's own mirror (MIRROR=... names another), Python's packages from where pip and uv have them here.
set -eu

cd "$(dirname "$0")/.."
folder=${CURRENT:-$(pwd -P)/.current}
debian=$folder/debian
SUITE=trixie
PACKAGES=ca-certificates,g++,git,make,python3-dev,python3-venv
# What a process in Debian needs to know of this machine.
PASSED_ON="CI TERM PYTEST_ADDOPTS http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY \
PIP_INDEX_URL PIP_EXTRA_INDEX_URL UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL"
CERTIFICATES=/etc/ssl/certs/ca-certificates.crt
WORK='set -e; cd "$1"; shift; make --no-print-directory setup; exec "$@"'

main() {
    [ $# != 0 ] || set -- make --no-print-directory test ARGS="${ARGS:-}"
    if is_current .venv/bin/python || { [ ! -e .venv ] && current_python >/dev/null; }; then
        say "in place, as .venv is on the current stack or not made yet"
        work_in . "$@"
    elif python=$(current_python); then
        say "on this machine, with $python, in $folder"
        reserve
        copy_to "$folder/checkout"
        export PYTHON="$python"
        work_in "$folder/checkout" "$@"
    else
        reason=$(why_no_debian)
        [ -z "$reason" ] || fail "the current stack needs glibc 2.39 and a Python 3.11 to 3.13 (here: glibc $(glibc)), or a Debian 13 to run in, which cannot be made: $reason."
        say "in a Debian 13, as this machine has glibc $(glibc) and no Python for it; in $folder"
        reserve
        make_debian
        copy_to "$debian/checkout"
        alone tests/current.sh enter-debian "$@"
    fi
}

is_current() {
    case $("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) in
    3.11 | 3.12 | 3.13) ;;
    *) return 1 ;;
    esac
}

# setup.sh knows more places to look in, and is asked for .venv; here it must be no 3.10.
current_python() {
    [ "$(printf '2.39\n%s\n' "$(glibc)" | sort -V | head -n 1)" = 2.39 ] || return 1
    for python in ${PYTHON:-} python3.13 python3.12 python3.11 python3; do
        if is_current "$python"; then
            command -v "$python"
            return
        fi
    done
    return 1
}

glibc() {
    getconf GNU_LIBC_VERSION | cut -d' ' -f2
}

why_no_debian() {
    if [ "$(id -u)" != 0 ]; then
        echo "only root can"
    elif ! alone true 2>/dev/null; then
        echo "this root may not mount (in a container: give it CAP_SYS_ADMIN)"
    elif ! get_debootstrap; then
        echo "debootstrap could not be installed (apt-get install debootstrap says why)"
    fi
}

get_debootstrap() {
    command -v debootstrap >/dev/null && return
    say "installing debootstrap"
    tests/apt.sh debootstrap debian-archive-keyring && command -v debootstrap >/dev/null
}

# Mounts and processes of its own: none is left, however this ends.
alone() {
    unshare --mount --pid --fork --kill-child --mount-proc "$@"
}

# One run at a time has the folder, until its last process is gone.
reserve() {
    mkdir -p "$folder"
    exec 9>"$folder/lock"
    flock --nonblock 9 || fail "another make test-current is at work in $folder: wait for it, or name another folder with CURRENT=/folder."
}

# Whole or not at all; made anew when it is to hold something else.
make_debian() {
    [ "$(cat "$debian/made-of" 2>/dev/null)" != "$SUITE $PACKAGES" ] || return 0
    say "making it, once (about 600 MB)"
    rm -rf --one-file-system "$debian" "$debian.new"
    alone debootstrap --variant=minbase --include="$PACKAGES" "$SUITE" "$debian.new" ${MIRROR:+"$MIRROR"} >"$folder/debootstrap.log" 2>&1 ||
        fail "debootstrap failed: $(tail -n 1 "$folder/debootstrap.log") ($folder/debootstrap.log has the rest; MIRROR=... names another mirror)"
    echo "$SUITE $PACKAGES" >"$debian.new/made-of"
    mv "$debian.new" "$debian"
}

# What git does not ignore, as it lies here now; .venv stays from the last time.
copy_to() {
    mkdir -p "$1"
    find "$1" -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -rf {} +
    git ls-files -z --cached --others --exclude-standard |
        xargs -0 sh -c 'for file; do [ ! -e "$file" ] || printf "%s\0" "$file"; done' sh |
        tar --create --null --files-from - | tar --extract --directory "$1"
    [ -x "$1/setup.sh" ] || fail "the working tree could not be copied to $1: it must be a checkout, and git be there."
}

# Within `alone`: mounts what a system needs, and runs the command in it.
enter() {
    mount -t proc proc "$debian/proc"
    mount --rbind /dev "$debian/dev"
    for file in /etc/resolv.conf /etc/hosts /etc/pip.conf "${HOME:-}/.config/pip/pip.conf" /etc/uv/uv.toml "${HOME:-}/.config/uv/uv.toml"; do
        hand_on "$file" "$(echo "$file" | sed "s|^${HOME:-/root}/|/root/|")"
    done
    [ -z "${SHARED:-}" ] || { mkdir -p "$debian$SHARED" && mount --bind "$SHARED" "$debian$SHARED"; }
    authorities=${SSL_CERT_FILE:-$CERTIFICATES}
    [ ! -f "$authorities" ] || hand_on "$authorities" "$CERTIFICATES"
    set -- sh -c "$WORK" sh /checkout "$@"
    for name in $PASSED_ON; do
        eval "value=\${$name:-}"
        [ -z "$value" ] || set -- "$name=$value" "$@"
    done
    set -- HOME=/root LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
        SSL_CERT_FILE="$CERTIFICATES" PIP_CERT="$CERTIFICATES" PYTHON=/usr/bin/python3 "$@"
    chroot "$debian" /usr/bin/env -i "$@"
}

# File $1 of this machine as $2 of Debian's; or that there is none.
hand_on() {
    rm -f "$debian$2"
    [ ! -f "$1" ] || { mkdir -p "$debian${2%/*}" && cp --dereference --preserve=mode "$1" "$debian$2"; }
}

work_in() {
    sh -c "$WORK" sh "$@"
}

say() {
    echo "test-current: $*" >&2
}

fail() {
    say "$@"
    exit 1
}

case ${1:-} in
enter-debian) shift && enter "$@" ;;
*) main "$@" ;;
esac
