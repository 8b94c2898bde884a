# Sourced by run.sh for the suite `efd`: InfluxDB and faketime, which are Debian's, and the clients, each in a Python of its own.
# Expects `here`, `cache` and `python`.

# shellcheck source=e2e/lib/debian.sh
source "$here/lib/debian.sh"

# A Python that is new enough for `lsst-rsp`: on the path, or one of pyenv's.
newer_python() {
    local candidate
    for candidate in "$python" python3.14 python3.13 python3.12 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 12) <= sys.version_info < (3, 15))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    echo 'the efd suite needs Python 3.12 or newer for lsst-rsp, beside the one that runs it' >&2
    exit 2
}

# The packages of the file $3 in a virtual environment of the Python $2; the variable $1 is then where its own Python is.
install_clients() {
    local interpreter=$2 requirements=$3 lock home
    lock=$(cat "$requirements" <("$interpreter" --version) | sha256sum)
    home=$cache/efd-clients-${lock:0:16}
    if [[ ! -e $home/ready ]]; then
        rm -rf "$home"
        "$interpreter" -m venv "$home"
        "$home/bin/python" -m pip install --quiet --disable-pip-version-check \
            --require-hashes --only-binary :all: --requirement "$requirements"
        touch "$home/ready"
    fi
    printf -v "$1" %s "$home/bin/python"
}

exec {guard}>"$cache/efd.lock"
flock "$guard"
install_debian efd faketime:faketime setpriv:util-linux
unpack_debian efd influxdb "$cache/influxdb-debian"
install_clients NBGATE_E2E_EFD_PYTHON "$python" "$here/efd/requirements.txt"
newer=$(newer_python)
install_clients NBGATE_E2E_RSP_PYTHON "$newer" "$here/efd/requirements-rsp.txt"
exec {guard}>&-

NBGATE_E2E_INFLUXDB=$cache/influxdb-debian/usr/bin/influxd
# faketime knows where its library is; `-m`: the one for programs with several threads. The other one misreads now and then.
NBGATE_E2E_FAKETIME=$(faketime -m -f +0 printenv LD_PRELOAD)
export NBGATE_E2E_EFD_PYTHON NBGATE_E2E_RSP_PYTHON NBGATE_E2E_INFLUXDB NBGATE_E2E_FAKETIME
