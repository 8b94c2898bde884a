#!/usr/bin/env bash
# Builds a service for the pod of a developer's copy, without bringing it there: deploy/live/build.sh jira-proxy
#
# Static, as a container without libraries wants it. The folder target/live/SERVICE holds the program and nothing else, for tools that sync
# a folder; its path is what is printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

service=${1:?usage: deploy/live/build.sh SERVICE}
built=${CARGO_TARGET_DIR:-target}
cargo rustc --locked --package "$service" --bin "$service" --target-dir "$built" -- \
    -C target-feature=+crt-static -C strip=symbols
folder=target/live/$service
mkdir -p "$folder"
# Under another name first: who looks at the folder sees no half of it.
cp "$built/debug/$service" "$folder/.next"
mv "$folder/.next" "$folder/$service"
echo "$PWD/$folder/$service"
