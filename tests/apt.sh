#!/bin/sh
# Installs packages of Debian or Ubuntu without a word: `tests/apt.sh chromium`. Fails where it cannot; apt-get then says why.
set -eu

[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 1
exec >/dev/null 2>&1 </dev/null
export DEBIAN_FRONTEND=noninteractive
apt_get() {
    apt-get -q -y -o Acquire::Retries=1 -o Acquire::http::Timeout=30 "$@"
}
apt_get update
apt_get install --no-install-recommends "$@"
