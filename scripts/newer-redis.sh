#!/usr/bin/env bash
# Puts a newer Redis than that of Debian 12 to target/tools, if it isn't there: the one of Debian 13, with the libraries
# that it needs. Nothing of it is installed, and the machine's own sources stay as they are.
set -euo pipefail
cd "$(dirname "$0")/.."

release=8.0
suite=trixie
program=$PWD/target/tools/redis-server-$release
# By this name it is known elsewhere, without its version.
link() { ln -sfn "${program##*/}" target/tools/newer-redis; }
if [[ -x $program ]]; then
    link
    exit
fi

say() { echo "newer-redis: $*" >&2; }

if ! command -v apt-get >/dev/null; then
    say "this is no Debian; put a redis-server of release $release to ${program#"$PWD"/} by hand"
    exit 1
fi
uri=$(scripts/debian-mirror.sh)
if [[ -z $uri ]]; then
    say "no Debian mirror in this machine's sources; put a redis-server of $release to ${program#"$PWD"/} by hand"
    exit 1
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"/{lists,cache/archives}/partial "$folder/packages"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" >"$folder/sources.list"

# Apt, of that suite alone, with all that it keeps in our folder.
apt() {
    "$1" -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$folder/lists" -o Dir::State::status="$folder/status" -o Dir::Cache="$folder/cache" \
        -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=true -q -q "${@:2}"
}

: >"$folder/status"
apt apt-get update
needed=$(apt apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances redis-tools | grep -E '^lib|^gcc-|^zlib')
cd "$folder/packages"
# shellcheck disable=SC2086 # a list
apt apt-get download redis-server redis-tools $needed
cd "$OLDPWD"

root=target/tools/redis-$release
rm -rf "$root"
mkdir -p "$root"
for package in "$folder"/packages/*.deb; do
    dpkg-deb --extract "$package" "$root"
done
# Its libraries are newer than the machine's, and so is what loads them.
loader=$(cd "$root" && find usr/lib -name 'ld-linux-*' -type f | head -n 1)
cat >"$program" <<END
#!/bin/sh
root=\$(dirname "\$0")/redis-$release
exec "\$root/$loader" --library-path "\$root/$(dirname "$loader")" "\$root/usr/bin/redis-server" "\$@"
END
chmod +x "$program"
found=$("$program" --version | sed -n 's/^.* v=\([0-9]*\.[0-9]*\)\..*/\1/p')
if [[ $found != "$release" ]]; then
    rm "$program"
    say "$suite has redis-server ${found:-of no known release}, and the tests are made for $release"
    exit 1
fi
link
