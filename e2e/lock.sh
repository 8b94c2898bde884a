#!/usr/bin/env bash
# Pins what the end-to-end tests install, by hash and without naming a registry: a site uses its own mirror.
# Needs `uv` on the path. Run it after changing a requirements*.in or package.json; add --upgrade to move every pin.
set -euo pipefail
cd "$(dirname "$0")"

pin() {
    local name=$1 version=$2
    shift 2
    uv pip compile --quiet "$name.in" --output-file "$name.txt" \
        --python-version "$version" --python-platform linux \
        --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command e2e/lock.sh "$@"
}

pin requirements 3.11 "$@"
pin efd/requirements 3.11 "$@"
pin efd/requirements-rsp 3.12 "$@"
npm install --package-lock-only

if grep -nE '(index-url|find-links|"resolved"|registry\.)' requirements.txt efd/requirements*.txt package-lock.json; then
    echo 'a lock file names a registry' >&2
    exit 1
fi
