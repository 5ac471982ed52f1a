#!/bin/sh
# Makes .venv from requirements.lock: `make run` and `make test` call this first. Costs nothing when there is nothing to do.
#
# The stamp in .venv is written last and holds what the .venv was made from. A set-up killed half-way has left none and is
# made anew; one whose lock or pyproject.toml has changed since is brought up to date in place.
#
# PYTHON=/path/to/python3.10 names the interpreter. Package indexes come from the configuration of uv or pip, never from here.
set -eu

cd "$(dirname "$0")"
root=$(pwd -P)
venv=$root/.venv
stamp=$venv/.complete
tools=$venv/uv # Where our own uv goes if the machine has none.
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
    [ -x "$venv/bin/python" ] && inputs | cmp -s - "$stamp"
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
}

prepare() {
    if [ -x "$venv/bin/python" ] && [ "$(head -n 1 "$stamp" 2>/dev/null)" = "$root" ]; then
        say "requirements.lock or pyproject.toml has changed: bringing .venv up to date"
        rm "$stamp"
    else
        [ ! -e "$venv" ] || say ".venv is unfinished or was made elsewhere: making it anew"
        rm -rf "$venv"
        mkdir "$venv"
    fi
}

make_venv() {
    python=$(choose_python) || exit 1
    version=$(version_of "$python")
    case $version in
    3.10) stack="tfx 1.16.0 on Python 3.10" ;;
    *) stack="tfx 1.21.0 on Python $version, as there is no Python 3.10" ;;
    esac
    say "$stack ($python)"
    can_compile || fail "pyfarmhash, which TFX needs, is built from source: install a C++ compiler and Python's headers (Debian, Ubuntu: apt install g++ python$version-dev) and try again."
    if [ -n "$uv" ]; then
        "$uv" venv --quiet --allow-existing --python "$python" "$venv" || fail "uv could not make .venv with $python, see above."
    else
        "$python" -m venv "$venv" ||
            fail "$python can make no virtual environment: install its venv package (python$version-venv) or uv, and try again."
    fi
}

can_compile() {
    { command -v g++ || command -v c++ || command -v clang++; } >/dev/null &&
        "$python" -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null
}

# Prints the interpreter: the one named by the user, a 3.10, a 3.11 if the newer stack's wheels fit, a 3.10 fetched by uv.
choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        case $(version_of "$PYTHON") in
        3.10) command -v "$PYTHON" && return ;;
        3.11) glibc_fits_newer && command -v "$PYTHON" && return ;;
        esac
        fail "PYTHON=$PYTHON does not serve: wanted a Python 3.10, or a 3.11 where glibc is 2.39 or newer (here: $glibc)."
    fi
    python_named 3.10 && return
    if glibc_fits_newer; then
        python_named 3.11 && return
    fi
    if [ -n "$uv" ]; then
        say "no Python 3.10 here: uv fetches one"
        "$uv" python install --quiet 3.10 >&2 && "$uv" python find --quiet 3.10 && return
    fi
    fail "found no Python 3.10 (nor a 3.11 with glibc 2.39 or newer; here: $glibc) and could fetch none: install it (Ubuntu 22.04: apt install python3.10-venv; anywhere: pyenv install 3.10) or name one, as in: make setup PYTHON=/path/to/python3.10"
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
    [ "$(printf '2.39\n%s\n' "$glibc" | sort -V | head -n 1)" = 2.39 ]
}

find_uv() {
    command -v uv || command -v "$tools/bin/uv"
}

# Any Python that has venv or pip can fetch uv; prints its path. What fails here shows again, and is said, with pip.
own_uv() {
    for python in ${PYTHON:-} python3.10 python3 python3.11 python; do
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
