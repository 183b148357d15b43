#!/bin/sh
# Prints the first mirror that the machine's own sources of Debian packages name, in the new format or the old one.
set -eu

for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    [ -r "$file" ] || continue
    sed -n -e 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p' \
        -e 's/^deb[[:space:]]\(\[[^]]*\][[:space:]]*\)\{0,1\}\([a-z]*:[^[:space:]]*\).*/\2/p' "$file"
done | grep -v security | head -n 1
