#!/usr/bin/env bash
# Usage: step.sh "What is done" command...
# Says what is done, does it, and says how long it took.
set -euo pipefail

what=$1
shift
printf '==> %s\n' "$what"
start=$SECONDS
if "$@"; then
    printf '    done in %d s: %s\n' $((SECONDS - start)) "$what"
else
    code=$?
    printf '    FAILED after %d s: %s\n    command: %s\n' $((SECONDS - start)) "$what" "$*" >&2
    exit "$code"
fi
