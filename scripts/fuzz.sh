#!/usr/bin/env bash
# Usage: fuzz.sh seconds target...
# Runs libFuzzer on each target for so long. What is found stays in target/fuzz-corpus; a crash in fuzz/artifacts.
# Without the address sanitizer: the core has no unsafe code, and so a stable toolchain will do.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

seconds=$1
shift
for target in "$@"; do
    found=../target/fuzz-corpus/$target
    mkdir -p "$found"
    echo "--> $target, $seconds s"
    cargo fuzz run --sanitizer none "$target" "$found" "corpus/$target" -- \
        -max_total_time="$seconds" -max_len=4096 -print_final_stats=1
done
