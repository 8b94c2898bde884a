# Sourced by run.sh for the suite `instance`: Chromium, which is Debian's. Expects `here` and `cache`.

# shellcheck source=e2e/lib/debian.sh
source "$here/lib/debian.sh"

exec {guard}>"$cache/instance.lock"
flock "$guard"
install_debian instance chromium:chromium
exec {guard}>&-

NBGATE_E2E_CHROMIUM=$(command -v chromium)
export NBGATE_E2E_CHROMIUM
