#!/usr/bin/env bash
# Usage: setup-rust.sh [target]...
# Installs the Rust toolchain that rust-toolchain.toml names, its WebAssembly target and those named, where they are not
# there yet.
set -euo pipefail
cd "$(dirname "$0")/.."

channel=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
if ! command -v rustup >/dev/null; then
    echo "rustup is needed to install Rust $channel with its WebAssembly target: see https://rustup.rs" >&2
    exit 1
fi
if ! rustup toolchain list | grep -q "^$channel"; then
    echo "installing Rust $channel"
    rustup toolchain install "$channel" --profile minimal
fi
# Each does nothing where it is there already.
rustup target add --toolchain "$channel" wasm32-unknown-unknown "$@"
rustup component add --toolchain "$channel" rustfmt clippy
