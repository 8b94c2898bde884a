#!/usr/bin/env bash
# Pins what the end-to-end tests install, by hash and without naming a registry: a site uses its own mirror.
# Needs `uv` on the path. Run it after changing requirements.in or package.json; add --upgrade to move every pin.
set -euo pipefail
cd "$(dirname "$0")"

uv pip compile requirements.in --output-file requirements.txt \
    --python-version 3.11 --python-platform linux \
    --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command e2e/lock.sh "$@"
npm install --package-lock-only

if grep -nE '(index-url|find-links|"resolved"|registry\.)' requirements.txt package-lock.json; then
    echo 'a lock file names a registry' >&2
    exit 1
fi
