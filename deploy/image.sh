#!/usr/bin/env bash
# Builds the image of one binary, without a Docker engine: deploy/image.sh jira-proxy [PROFILE]
#
# Leaves in $CARGO_TARGET_DIR/images/SERVICE (or images/dev/SERVICE) an OCI archive, `image.tar`, and what is in it as a CycloneDX
# document, `bom.json`; prints the image's name. With `dev`, which is for tests, the binary is built quickly, and has no document.
#
# Needs buildah, and root or user namespaces. What the environment may say:
#   NBGATE_IMAGE_REGISTRY  what stands before the name [localhost/nbgate]
#   NBGATE_IMAGE_TAG       [the workspace's version]
#   NBGATE_IMAGE_SOURCE    where the source is published, for the label [none]
#   NBGATE_CA_BUNDLE       a file of certificate authorities instead of Mozilla's
#   NBGATE_CYCLONEDX       the program cargo-cyclonedx
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

service=${1:?usage: deploy/image.sh SERVICE [PROFILE]}
profile=${2:-release}
grep -q "^FROM base AS $service\$" deploy/Dockerfile || { echo "deploy/Dockerfile has no target $service" >&2; exit 2; }
command -v buildah >/dev/null || { echo 'building an image needs buildah: install the package of that name' >&2; exit 2; }

cache=${NBGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nbgate}
target=${CARGO_TARGET_DIR:-$root/target}
output=$target/images/$([[ $profile == release ]] || echo "$profile/")$service
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
name=${NBGATE_IMAGE_REGISTRY:-localhost/nbgate}/$service:${NBGATE_IMAGE_TAG:-$version}
# Nothing in an image depends on when and where it was built: the commit says both.
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
made=$(git log -1 --format=%ct 2>/dev/null || echo 0)

# Only the program itself is told to be static, so that its dependencies are those of every other build.
build_binary() {
    local flags=(-C target-feature=+crt-static)
    [[ $profile == release ]] || flags+=(-C strip=symbols)
    cargo rustc --locked --quiet --profile "$profile" --package "$service" --bin "$service" \
        --target-dir "$target" -- "${flags[@]}"
    install -m 555 "$target/$([[ $profile == dev ]] && echo debug || echo "$profile")/$service" "$context/$service"
    if readelf --program-headers "$context/$service" | grep -q INTERP; then
        echo "$service is not static" >&2
        exit 1
    fi
    if [[ $profile == release ]] && (($(stat --format %s "$context/$service") >= 25000000)); then
        echo "$service is larger than an image may be" >&2
        exit 1
    fi
}

# Mozilla's, from the package that Python programs have them from.
certificate_authorities() {
    local wanted=scripts/requirements-image.txt home
    home=$cache/certificates-$(sha256sum "$wanted" | cut -c1-12)
    if [[ ! -e $home/certifi/cacert.pem ]]; then
        rm -rf "$home"
        python3 -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
            --root-user-action ignore --target "$home" --requirement "$wanted"
    fi
    echo "$home/certifi/cacert.pem"
}

# One document for this binary: of what is linked into it, not of what builds or tests it.
bill_of_materials() {
    local scratch
    scratch=$(mktemp -d)
    cp -r Cargo.toml Cargo.lock crates "$scratch/" # the tool writes beside every manifest
    (cd "$scratch" && SOURCE_DATE_EPOCH=$made "$NBGATE_CYCLONEDX" cyclonedx --quiet --format json --spec-version 1.5 --describe binaries \
        --target "$(rustc -vV | sed -n 's/^host: //p')" --no-build-deps --manifest-path "crates/$service/Cargo.toml")
    python3 deploy/bill_of_materials.py "$scratch" "$service" >"$output/bom.json"
    rm -rf "$scratch"
}

context=$(mktemp -d)
trap 'rm -rf "$context" "$context".*' EXIT
mkdir -p "$output"
build_binary
cp "${NBGATE_CA_BUNDLE:-$(certificate_authorities)}" "$context/ca-certificates.crt"
mkdir "$context/tmp"
# A store of its own, so that whoever builds keeps theirs; chroot and vfs want no mounts and no privileges.
storage=(--root "$context.storage" --runroot "$context.run" --storage-driver vfs)
rm -f "$output/image.tar"
BUILDAH_ISOLATION=chroot buildah "${storage[@]}" bud --quiet --file deploy/Dockerfile --target "$service" \
    --timestamp "$made" --tag "$name" \
    --build-arg VERSION="${NBGATE_IMAGE_TAG:-$version}" --build-arg REVISION="$revision" \
    --build-arg SOURCE="${NBGATE_IMAGE_SOURCE:-}" "$context" >/dev/null
buildah "${storage[@]}" push --quiet "$name" "oci-archive:$output/image.tar:$name"
buildah "${storage[@]}" rmi --all --force >/dev/null
[[ $profile != release ]] || bill_of_materials
echo "$name $output/image.tar"
