#!/usr/bin/env bash
# Builds the Go host for every platform that is promised, without a C compiler.
set -euo pipefail
cd "$(dirname "$0")/../go-host"

for platform in {linux,darwin,windows}/{amd64,arm64} freebsd/amd64; do
    echo "$platform"
    CGO_ENABLED=0 GOOS=${platform%/*} GOARCH=${platform#*/} go build ./...
done
