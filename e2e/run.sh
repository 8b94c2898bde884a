#!/usr/bin/env bash
# Runs one end-to-end suite, e2e/run.sh jira [pytest options], or a program of its own: e2e/run.sh bench [arguments].
#
# Installs what the suite needs, once, into a cache folder outside the clone; builds the service, unless NBGATE_BIN_DIR
# names a folder of binaries.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=${1:?usage: e2e/run.sh SUITE [pytest options]}
shift
[[ -d $here/$suite ]] || { echo "no such suite: $suite" >&2; exit 2; }

python=${PYTHON:-python3}
lock=$(cat "$here/requirements.txt" "$here/package-lock.json" <("$python" --version) <(node --version) | sha256sum)
cache=${NBGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nbgate}/e2e
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
peers=$cache/${lock:0:16}

# `ready` is written last: an installation that was interrupted is started over. The lock is for runs side by side.
exec {guard}>"$peers.lock"
flock "$guard"
if [[ ! -e $peers/ready ]]; then
    rm -rf "$peers"
    "$python" -m venv "$peers/venv"
    "$peers/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes --only-binary :all: --requirement "$here/requirements.txt"
    mkdir "$peers/npm"
    cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$peers/npm/"
    (cd "$peers/npm" && npm ci --ignore-scripts --loglevel=error)
    touch "$peers/ready"
fi
exec {guard}>&-

# What a suite needs beside that.
for install in "$here/lib/$suite/install.sh" "$here/$suite/install.sh"; do
    if [[ -e $install ]]; then
        # shellcheck source=lib/identity/install.sh
        source "$install"
    fi
done

if [[ -n ${NBGATE_BIN_DIR:-} ]]; then
    NBGATE_BIN_DIR=$(cd "$NBGATE_BIN_DIR" && pwd)
else
    declare -A packages=(
        [bench]='jira-proxy efd-token instance-proxy' [efd]=efd-token [identity]=jira-proxy [instance]=instance-proxy
        [cluster]='jira-proxy efd-token instance-proxy' [jira]=jira-proxy [soak]='jira-proxy instance-proxy'
    )
    cd "$here/.."
    read -ra wanted <<<"${packages[$suite]}"
    target=$(cargo metadata --locked --no-deps --format-version 1 |
        "$python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
    if [[ $suite == cluster ]]; then
        for service in "${wanted[@]}"; do # what runs there are images
            CARGO_TARGET_DIR=$target NBGATE_IMAGE_REGISTRY=localhost/nbgate NBGATE_IMAGE_TAG=e2e \
                bash deploy/image.sh "$service" dev
        done
        export NBGATE_E2E_IMAGES=$target/images/dev
    else
        cargo build --locked "${wanted[@]/#/--package=}"
    fi
    [[ $suite != bench ]] || cargo build --locked --package proxy-testkit --example websockets
    NBGATE_BIN_DIR=$target/debug
fi

export NBGATE_BIN_DIR
export NBGATE_E2E_CHP=$peers/npm/node_modules/.bin/configurable-http-proxy
export NBGATE_E2E_NPM=$peers/npm
export PYTHONDONTWRITEBYTECODE=1
cd "$here"
if [[ -e $suite/__main__.py ]]; then
    exec "$peers/venv/bin/python" -m "$suite" "$@"
fi
exec "$peers/venv/bin/python" -m pytest "$suite" "$@"
