#!/usr/bin/env bash
# Fails if a source file is not formatted as its formatter would.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
cargo fmt --manifest-path tests/bench/rust/Cargo.toml --package bench-rust --package bench-measure --check
unformatted=$(gofmt -l go-host tests/bench/go)
if [[ -n $unformatted ]]; then
    printf 'not formatted by gofmt:\n%s\n' "$unformatted" >&2
    exit 1
fi
