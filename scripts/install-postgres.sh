#!/bin/sh
# Installs PostgreSQL, which the benchmark of event stores has beside Coracle's, where that is as easy as on Debian.
# Where it is not, the benchmark goes without.
set -eu

say() { echo "install-postgres: $*"; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

for program in /usr/lib/postgresql/*/bin/postgres; do
    if [ -x "$program" ]; then
        say "it is installed"
        exit 0
    fi
done
if ! command -v apt-get >/dev/null 2>&1; then
    say "this is no Debian, so it is left out"
    exit 0
fi
# The package would make and start a cluster of its own, which is not needed; this keeps it from starting.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
as_root apt-get update -q
as_root apt-get install -q -y --no-install-recommends postgresql || say "it can't be installed here, so it is left out"
