# Every command that people and CI run. What has to be downloaded or built goes to a cache folder outside the clone.

set shell := ["bash", "-euo", "pipefail", "-c"]

cache := `echo "${NBGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nbgate}"`
deny_version := "0.20.2"
deny := cache / "cargo-deny-" + deny_version
cargo_cyclonedx_version := "0.5.9"
cargo_cyclonedx := cache / "cargo-cyclonedx-" + cargo_cyclonedx_version
cargo_fuzz_version := "0.13.2"
cargo_fuzz := cache / "cargo-fuzz-" + cargo_fuzz_version

export NBGATE_CACHE := cache
export CARGO_TARGET_DIR := env("CARGO_TARGET_DIR", cache / "target")

# List the recipes
[private]
default:
    @{{ just_executable() }} --list --unsorted

# Start the playground: every service on loopback with demo upstreams
run *ARGS:
    cargo run --locked -- {{ ARGS }}

# Run the hermetic tests; more at a time than there are processors, as most wait
test *ARGS:
    RUST_TEST_THREADS="${RUST_TEST_THREADS:-$((2 * {{ num_cpus() }}))}" cargo test --locked --workspace {{ ARGS }}

# Check format, lints, API documentation, and what is in the dependency tree
check: fmt-check clippy doc deny

# Check the format
fmt-check:
    cargo fmt --all --check
    cargo fmt --manifest-path fuzz/Cargo.toml --check

# Check the lints; every warning is an error
clippy:
    cargo clippy --locked --workspace --all-targets -- -D warnings

# Build the documentation of the code, for who works on it; every warning is an error
doc:
    RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" cargo doc --locked --workspace --no-deps --document-private-items

# Check licences, sources and bans of the dependency tree (deny.toml)
deny: _cargo-deny
    {{ deny }}/bin/cargo-deny --locked check bans licenses sources
    @echo "advisories: SKIPPED, not passed. Their database is a git repository: run 'just advisories' where it can be fetched."

# Check the dependency tree against the advisory database; fetches it
advisories: _cargo-deny
    {{ deny }}/bin/cargo-deny --locked check advisories

# Check the documents: relative links, that every configuration key is listed with its default, and that the tests they name are there
docs-check:
    python3 scripts/check_links.py
    python3 scripts/check_keys.py
    python3 scripts/check_tests.py

# Write docs/problems/ anew from the table in proxy-core
problems:
    UPDATE_DOCS=1 cargo test --locked -p proxy-core --lib problem

# Write the table of docs/operations/faults.md anew from jira-proxy's tests
faults:
    UPDATE_DOCS=1 cargo test --locked -p jira-proxy --test it faults::page

# Build the image of a binary with buildah: an OCI archive and, of a release, what is in it as CycloneDX (deploy/image.sh)
image SERVICE PROFILE="release":
    @{{ if PROFILE == "release" { just_executable() + " _cargo-cyclonedx" } else { "true" } }}
    NBGATE_CYCLONEDX="{{ cargo_cyclonedx }}/bin/cargo-cyclonedx" bash deploy/image.sh {{ SERVICE }} {{ PROFILE }}

# Test against real peers, which the suite starts itself; what it leaves to look at is in $CARGO_TARGET_DIR/e2e/SUITE
e2e SUITE="jira":
    NBGATE_E2E_ARTEFACTS="$CARGO_TARGET_DIR/e2e/{{ SUITE }}" bash e2e/run.sh {{ SUITE }}

# Check the Helm charts and what Argo CD is given, without a cluster
charts *ARGS:
    bash scripts/charts/run.sh check {{ ARGS }}

# Write anew what is generated from the charts: schemas, tables of values, Argo CD's manifests
charts-write:
    bash scripts/charts/run.sh write

# Write every service as an application of Phalanx into OUT, a checkout of it
phalanx OUT:
    bash scripts/charts/run.sh phalanx "{{ absolute_path(OUT) }}"

# Fuzz each target for so many seconds, or those that are named (docs/robustness.md); writes summary.json
fuzz SECONDS="600" *TARGETS: _cargo-fuzz
    python3 scripts/fuzz.py {{ SECONDS }} {{ TARGETS }} --cargo-fuzz {{ cargo_fuzz }}/bin/cargo-fuzz --target-dir {{ cache }}/fuzz-target --scratch "$CARGO_TARGET_DIR/fuzz"

# Give the fuzz targets the dependencies of the workspace, after Cargo.lock has changed
fuzz-lock:
    cp Cargo.lock fuzz/Cargo.lock
    cargo metadata --format-version 1 --manifest-path fuzz/Cargo.toml > /dev/null

# Load jira-proxy, and instance-proxy with tunnels, as docs/soak.md lists, SECONDS of it mixed load; at full scale from 300 on
soak SECONDS="600" PROFILE="release":
    cargo build --locked --profile {{ PROFILE }} --package jira-proxy --package instance-proxy
    NBGATE_BIN_DIR="$CARGO_TARGET_DIR/{{ if PROFILE == "dev" { "debug" } else { PROFILE } }}" \
        NBGATE_SOAK_SECONDS={{ SECONDS }} NBGATE_SOAK_SUMMARY="$CARGO_TARGET_DIR/soak/summary.json" bash e2e/run.sh soak

# Measure what requests and messages cost beside nginx (docs/performance.md): ROUNDS interleaved rounds; writes summary.json, fails where a budget is missed
bench ROUNDS="6":
    cargo build --locked --release --package jira-proxy --package efd-token --package instance-proxy
    cargo build --locked --release --package proxy-testkit --example websockets
    NBGATE_BIN_DIR="$CARGO_TARGET_DIR/release" bash e2e/run.sh bench "$CARGO_TARGET_DIR/bench/summary.json" {{ ROUNDS }}

# Do what README says: start the playground, run what it prints, stop it with Ctrl-C
try-readme:
    python3 scripts/try_readme.py

# Everything that CI runs, with the time that each stage took
ci:
    #!/usr/bin/env bash
    set -euo pipefail
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    stage() {
        local began=$SECONDS
        echo "::: $*"
        "{{ just_executable() }}" "$@"
        printf '%5d s  %s\n' $((SECONDS - began)) "$*" | tee -a "$work/times"
    }
    # Stages of one lane, one after the other: "e2e identity, e2e jira".
    lane() {
        local stages words each
        IFS=, read -ra stages <<<"$1"
        for each in "${stages[@]}"; do
            read -ra words <<<"$each"
            stage "${words[@]}"
        done
    }
    # Lanes side by side, which wait for peers more than they compute. What each prints comes whole, after the others'.
    together() {
        local lanes=("$@") processes=() number failed=0
        for number in "${!lanes[@]}"; do
            lane "${lanes[number]}" >"$work/$number" 2>&1 &
            processes+=($!)
        done
        for number in "${!lanes[@]}"; do
            wait "${processes[number]}" || { failed=1; echo "failed: ${lanes[number]}" >>"$work/times"; }
            cat "$work/$number"
        done
        [ "$failed" = 0 ] || { cat "$work/times"; exit 1; }
    }
    stage fmt-check
    stage docs-check
    stage try-readme
    stage clippy
    stage doc
    stage deny
    stage test
    stage fuzz 10
    together "e2e efd" "e2e identity, e2e jira"
    together "e2e instance" "e2e cluster, charts"
    stage soak 10 dev
    echo "::: all stages passed"
    cat "$work/times"

# cargo-deny, built once into the cache folder
_cargo-deny:
    @[ -x {{ deny }}/bin/cargo-deny ] || CARGO_TARGET_DIR="{{ deny }}/build" cargo install --locked --root {{ deny }} cargo-deny@{{ deny_version }}
    @rm -rf {{ deny }}/build

# cargo-cyclonedx, built once into the cache folder
_cargo-cyclonedx:
    @[ -x {{ cargo_cyclonedx }}/bin/cargo-cyclonedx ] || CARGO_TARGET_DIR="{{ cargo_cyclonedx }}/build" cargo install --locked --root {{ cargo_cyclonedx }} cargo-cyclonedx@{{ cargo_cyclonedx_version }}
    @rm -rf {{ cargo_cyclonedx }}/build

# cargo-fuzz, built once into the cache folder
_cargo-fuzz:
    @[ -x {{ cargo_fuzz }}/bin/cargo-fuzz ] || CARGO_TARGET_DIR="{{ cargo_fuzz }}/build" cargo install --locked --root {{ cargo_fuzz }} cargo-fuzz@{{ cargo_fuzz_version }}
    @rm -rf {{ cargo_fuzz }}/build
