#!/usr/bin/env bash
# Checks the charts without a cluster: scripts/charts/run.sh check [pytest options]; writes what is generated from them:
# scripts/charts/run.sh write; writes folders for a Phalanx checkout: scripts/charts/run.sh phalanx OUT.
#
# Builds the services, unless NBGATE_BIN_DIR names a folder of binaries.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
what=${1:?usage: scripts/charts/run.sh check|write|phalanx [arguments]}
shift
tools=$("$here/install.sh")
python=$tools/venv/bin/python
export NBGATE_CHART_TOOLS=$tools PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here

case $what in
check)
    if [[ -n ${NBGATE_BIN_DIR:-} ]]; then
        NBGATE_BIN_DIR=$(cd "$NBGATE_BIN_DIR" && pwd)
    else
        (cd "$here/../.." && cargo build --locked --package jira-proxy --package efd-token --package instance-proxy)
        target=$(cd "$here/../.." && cargo metadata --locked --no-deps --format-version 1 |
            "$python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
        NBGATE_BIN_DIR=$target/debug
    fi
    export NBGATE_BIN_DIR
    cd "$here/checks"
    exec "$python" -m pytest "$@"
    ;;
write | phalanx) exec "$python" "$here/$what.py" "$@" ;;
*)
    echo "no such task: $what" >&2
    exit 2
    ;;
esac
