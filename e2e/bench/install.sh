# Sourced by run.sh for `bench`: the load generator is Debian's, and installed where it is missing, which needs root.

if ! command -v wrk >/dev/null; then
    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
        echo 'bench needs the load generator wrk' >&2
        exit 2
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o DPkg::Lock::Timeout=120 update
    apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends wrk >/dev/null
fi
