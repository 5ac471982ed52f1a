#!/bin/sh
# Gets the Chromium that the tests of pages need, where this machine has none and lets it be installed: `make chromium`.
# Never fails: without one those tests say how to get one, and are skipped (or fail, with CI=true).
set -eu

main() {
    if found; then
        return
    fi
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "none here, and only root with apt-get can install it: install Chromium, or name one with CHROMIUM=/path"
        return
    fi
    say "installing Debian's, for the tests of pages"
    if "${0%/*}/apt.sh" chromium && found; then
        return
    fi
    say "it could not be installed (apt-get install chromium says why); or name one with CHROMIUM=/path"
}

# As tests/browser.py looks for it.
found() {
    [ -z "${CHROMIUM:-}" ] || return 0
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        ! command -v "$name" >/dev/null || return 0
    done
    return 1
}

say() {
    echo "chromium: $*" >&2
}

main
