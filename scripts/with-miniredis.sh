#!/usr/bin/env bash
# Usage: with-miniredis.sh command...
# Runs the command with CORACLE_TEST_MINIREDIS set to the address of a server that lives as long.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

program=$root/target/tools/miniredis
(cd "$root/go-host/tools" && CGO_ENABLED=0 go build -o "$program" ./miniredis)

# The server ends when its input does, so it can't outlive this script.
coproc SERVER { exec "$program"; }
if ! read -r -t 60 address <&"${SERVER[0]}"; then
    echo "the server did not say its address" >&2
    exit 1
fi
echo "miniredis listens at $address"
CORACLE_TEST_MINIREDIS=$address "$@"
