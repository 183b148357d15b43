#!/usr/bin/env bash
# Usage: cargo-tool.sh crate version command...
# Runs a command with that tool of cargo on the path, built into target/tools where it is not there yet.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$PWD/target/tools/$1-$2
if [[ ! -x $tools/bin/$1 ]]; then
    echo "compiling $1 $2"
    cargo install --quiet --locked --root "$tools" --version "$2" "$1"
fi
PATH=$tools/bin:$PATH
exec "${@:3}"
