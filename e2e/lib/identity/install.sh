# Sourced by run.sh for the suite `identity`: what comes neither from PyPI nor from npm. Expects `here`, `cache` and
# `python`.
#
# Keycloak is fetched with Maven, checked, and prepared for a quick start, once, into the cache folder. Chromium and
# faketime are Debian's; they are installed where they are missing, which needs root.

# shellcheck source=e2e/lib/debian.sh
source "$here/lib/debian.sh"

keycloak_version=26.5.6
keycloak_sha256=490189d9dff05272432d51f71a069462eeca97f2920a694d539a1e6c26a5a347

need() {
    command -v "$1" >/dev/null || { echo "the identity suite needs $1: $2" >&2; exit 2; }
}

# `ready` is written last: an installation that was interrupted is started over.
install_keycloak() {
    local home=$1 name=keycloak-quarkus-dist-$keycloak_version.zip
    [[ -e $home/ready ]] && return 0
    need mvn 'install Maven'
    rm -rf "$home"
    mkdir "$home"
    (cd "$home" && mvn --batch-mode --quiet -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
        -Dartifact="org.keycloak:keycloak-quarkus-dist:$keycloak_version:zip" -DoutputDirectory="$home")
    echo "$keycloak_sha256  $home/$name" | sha256sum --check --quiet
    "$python" -m zipfile -e "$home/$name" "$home"
    rm "$home/$name"
    chmod +x "$home/keycloak-$keycloak_version/bin/kc.sh"
    # With what is fixed at build time fixed here, a start takes a third of the time.
    "$home/keycloak-$keycloak_version/bin/kc.sh" build --db=dev-file >"$home/build.log" 2>&1 ||
        { cat "$home/build.log" >&2; exit 1; }
    touch "$home/ready"
}

need java 'Keycloak runs on Java 17 or newer'
exec {guard}>"$cache/identity.lock"
flock "$guard"
install_debian identity chromium:chromium faketime:faketime
install_keycloak "$cache/keycloak-$keycloak_version"
exec {guard}>&-

export NBGATE_E2E_KEYCLOAK=$cache/keycloak-$keycloak_version/keycloak-$keycloak_version
NBGATE_E2E_CHROMIUM=$(command -v chromium)
# faketime knows where its library is; `-m`: the one for programs with several threads. The other one misreads now and then.
NBGATE_E2E_FAKETIME=$(faketime -m -f +0 printenv LD_PRELOAD)
export NBGATE_E2E_CHROMIUM NBGATE_E2E_FAKETIME
