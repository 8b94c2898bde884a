#!/usr/bin/env bash
# Pins what checks the charts, by hash and without naming a registry: a site uses its own mirror.
# Needs `uv` on the path. Run it after changing a requirements*.in or package.json; add --upgrade to move every pin.
set -euo pipefail
cd "$(dirname "$0")"

pin() {
    local name=$1
    shift
    uv pip compile --quiet "$name.in" --output-file "$name.txt" --python-version 3.11 --python-platform linux \
        --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command scripts/charts/lock.sh "$@"
}

pin requirements "$@"
pin requirements-helm --no-deps "$@"
npm install --package-lock-only --loglevel=error

if grep -nE '(index-url|find-links|"resolved"|registry\.)' requirements*.txt package-lock.json; then
    echo 'a lock file names a registry' >&2
    exit 1
fi
