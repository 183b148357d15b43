#!/usr/bin/env bash
# Fails if a source file is not formatted as its formatter would.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
cargo fmt --manifest-path tests/bench/rust/Cargo.toml --package bench-rust --package bench-measure \
    --package bench-events-rust --check
cargo fmt --manifest-path tests/fixtures/Cargo.toml --all --check
cargo fmt --manifest-path fuzz/Cargo.toml --package coracle-fuzz --check
unformatted=$(gofmt -l go-host tests/bench/go)
if [[ -n $unformatted ]]; then
    printf 'not formatted by gofmt:\n%s\n' "$unformatted" >&2
    exit 1
fi

# What a formatter leaves alone: comments, and the text of documents but for tables and a report that is written.
long=$(
    export LC_ALL=C.UTF-8
    where=(--exclude-dir=.git --exclude-dir=target --exclude=report.md)
    # Of such options the first says what is done with all other files.
    sources=(--include='*.'{rs,go,wit,lua,sh,toml} "${where[@]}")
    grep --recursive --line-number --perl-regexp "${sources[@]}" '^(?=.{121})\s*(//[/!]?+|--|#)\s*[^|\s]' . || true
    grep --recursive --line-number --perl-regexp --include='*.md' "${where[@]}" '^(?=.{121})[^|]' . || true
)
if [[ -n $long ]]; then
    printf 'longer than 120 columns:\n%s\n' "$long" >&2
    exit 1
fi
