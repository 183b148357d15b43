#!/usr/bin/env bash
# Usage: setup-nightly.sh nightly-YYYY-MM-DD
# Installs that toolchain with what Miri and cargo-careful need, where it is not there yet.
set -euo pipefail

channel=$1
if ! rustup toolchain list | grep -q "^$channel"; then
    echo "installing Rust $channel"
    rustup toolchain install "$channel" --profile minimal
fi
# Does nothing where they are there already.
rustup component add --toolchain "$channel" miri rust-src
