#!/bin/sh
# Makes .venv from requirements.lock: `make run` and `make test` call this first. Costs nothing when there is nothing to do.
#
# The stamp in .venv is written last and holds what the .venv was made from. A set-up killed half-way has left none and is
# made anew; one whose lock or pyproject.toml has changed since is brought up to date in place.
#
# Python 3.13, 3.12 or 3.11 is the current stack, where the machine's glibc is new enough for its wheels; 3.10 is the other.
# PYTHON=/path/to/python3.12 names the interpreter. Package indexes come from the configuration of uv or pip, never from here.
set -eu

cd "$(dirname "$0")"
root=$(pwd -P)
venv=$root/.venv
stamp=$venv/.complete
tools=$venv/uv # Where our own uv goes if the machine has none.
CURRENT="3.13 3.12 3.11" # As each is preferred; pyproject.toml and the lock hold for all of them.
NEWER=2.39 # The glibc that the current stack's wheels of ML Metadata and TFDV need.
UV_PIN='uv==0.13.9 --hash=sha256:d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19'

main() {
    if is_whole; then
        return
    fi
    check_machine
    prepare
    uv=$(find_uv) || uv=$(own_uv) || uv=
    [ -x "$venv/bin/python" ] || make_venv
    install
    inputs >"$stamp.new"
    mv "$stamp.new" "$stamp"
    say "done"
}

is_whole() {
    [ -x "$venv/bin/python" ] && inputs | cmp -s - "$stamp" && is_as_named
}

# A PYTHON that is named for a .venv of another version is a wish for the other stack.
is_as_named() {
    [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of "$venv/bin/python")" ]
}

# What the stamp must hold. The folder is part of it: a .venv that was moved or copied points to the old place.
inputs() {
    printf '%s\n' "$root"
    cat requirements.lock pyproject.toml
}

check_machine() {
    [ "$(uname -sm)" = "Linux x86_64" ] ||
        fail "TFX has wheels for x86-64 Linux only and this is $(uname -sm): use an x86-64 Linux container or machine."
    glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2) || glibc=
    [ -n "$glibc" ] || fail "TFX's wheels need glibc 2.17 or newer and this system has another C library: use Debian, Ubuntu or the like."
    [ -z "${PYTHON:-}" ] || serves "$PYTHON" ||
        fail "PYTHON=$PYTHON does not serve: wanted a Python 3.10, or 3.11 to 3.13 where glibc is $NEWER or newer (here: $glibc)."
}

prepare() {
    if [ -x "$venv/bin/python" ] && [ "$(head -n 1 "$stamp" 2>/dev/null)" = "$root" ] && is_as_named; then
        say "requirements.lock or pyproject.toml has changed: bringing .venv up to date"
        rm "$stamp"
    else
        [ ! -e "$venv" ] || say ".venv is unfinished, was made elsewhere or with another Python: making it anew"
        rm -rf "$venv"
        mkdir "$venv"
    fi
}

make_venv() {
    python=$(choose_python) || exit 1
    version=$(version_of "$python")
    say "$(stack_of "$version") ($python)"
    can_compile || fail "pyfarmhash, which TFX needs, is built from source: install a C++ compiler and Python's headers (Debian, Ubuntu: apt install g++ python$version-dev) and try again."
    if [ -n "$uv" ]; then
        "$uv" venv --quiet --allow-existing --python "$python" "$venv" || fail "uv could not make .venv with $python, see above."
    else
        "$python" -m venv "$venv" ||
            fail "$python can make no virtual environment: install its venv package (python$version-venv) or uv, and try again."
    fi
}

# What is made, and why that of the two.
stack_of() {
    if [ "$1" != 3.10 ]; then
        stack="tfx 1.21.0 on Python $1, the current stack"
        why="glibc is $glibc"
    else
        stack="tfx 1.16.0 on Python 3.10"
        why="the current stack needs glibc $NEWER or newer, and this is $glibc"
        ! glibc_fits_newer || why="there is no Python 3.11 to 3.13 for the current stack"
    fi
    [ -z "${PYTHON:-}" ] || why="PYTHON names it"
    echo "$stack, as $why"
}

can_compile() {
    { command -v g++ || command -v c++ || command -v clang++; } >/dev/null &&
        "$python" -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null
}

# Prints the interpreter: the one named by the user, one of the current stack if its wheels fit, a 3.10, one fetched by uv.
choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON"
        return
    fi
    wanted=3.10
    if glibc_fits_newer; then
        wanted="$CURRENT 3.10"
    fi
    for version in $wanted; do
        python_named "$version" && return
    done
    first=${wanted%% *}
    if [ -n "$uv" ]; then
        say "no Python here that serves: uv fetches $first"
        "$uv" python install --quiet "$first" >&2 && "$uv" python find --quiet --no-project "$first" && return
    fi
    fail "found no Python 3.10 (nor 3.11 to 3.13 with glibc $NEWER or newer; here: $glibc) and could fetch none: install one (Debian 13, Ubuntu 24.04: apt install python3-venv; Ubuntu 22.04: apt install python3.10-venv; anywhere: pyenv install $first) or name one, as in: make setup PYTHON=/path/to/python$first"
}

serves() {
    named=$(version_of "$1")
    case " 3.10 $CURRENT " in
    *" ${named:-none} "*) [ "$named" = 3.10 ] || glibc_fits_newer ;;
    *) return 1 ;;
    esac
}

# The first interpreter of version $1 that runs: on the path, known to uv, of pyenv.
python_named() {
    for candidate in "python$1" python3 python \
        "$([ -z "$uv" ] || "$uv" python find --quiet --no-project --no-python-downloads "$1" 2>/dev/null)" \
        "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$1".*/bin/python"$1"; do
        if [ "$(version_of "$candidate")" = "$1" ]; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# Empty if it does not run: pyenv's shims lie on the path whether they lead anywhere or not.
version_of() {
    [ -z "$1" ] || "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

glibc_fits_newer() {
    [ "$(printf '%s\n' "$NEWER" "$glibc" | sort -V | head -n 1)" = "$NEWER" ]
}

find_uv() {
    command -v uv || command -v "$tools/bin/uv"
}

# Any Python that has venv or pip can fetch uv; prints its path. What fails here shows again, and is said, with pip.
own_uv() {
    for python in ${PYTHON:-} python3 python3.10 python3.13 python3.12 python3.11 python; do
        [ -n "$(version_of "$python")" ] || continue
        if "$python" -m venv "$tools" >/dev/null 2>&1; then
            fetch_uv "$tools/bin/python"
            return
        fi
        rm -rf "$tools"
        if "$python" -m pip --version >/dev/null 2>&1; then
            fetch_uv "$python" --target "$tools"
            return
        fi
    done
    return 1
}

fetch_uv() {
    say "no uv here: fetching one into .venv"
    fetcher=$1
    shift
    echo "$UV_PIN" >"$venv/uv.txt"
    "$fetcher" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$venv/uv.txt" "$@" >/dev/null 2>&1 &&
        command -v "$tools/bin/uv"
}

install() {
    say "installing the packages of requirements.lock (about 3 GB)"
    if [ -n "$uv" ] && install_with_uv; then
        return
    fi
    # pip knows the mirrors of its own configuration, which uv does not read.
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip >/dev/null 2>&1 ||
        fail "the packages could not be installed with uv (${uv:-none found}), and there is no pip to try with: see above."
    say "trying with pip"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock &&
        "$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation -e . ||
        fail "the packages could not be installed, see above; the next run begins anew."
}

install_with_uv() {
    "$uv" pip sync --quiet --python "$venv/bin/python" --require-hashes --compile-bytecode requirements.lock &&
        "$uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation -e .
}

say() {
    echo "setup: $*" >&2
}

fail() {
    say "$@"
    exit 1
}

main
