# Sourced by the installers of suites: Debian's packages.

# Makes sure that these are installed, each given as `command:package`, for the suite named first. Needs root only where one is
# missing.
install_debian() {
    local suite=$1 wanted missing=()
    shift
    for wanted in "$@"; do
        command -v "${wanted%%:*}" >/dev/null || missing+=("${wanted##*:}")
    done
    ((${#missing[@]})) || return 0
    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
        echo "the $suite suite needs these Debian packages: ${missing[*]}" >&2
        exit 2
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o DPkg::Lock::Timeout=120 update
    apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Unpacks the package $2 into the folder $3 without installing it, for the suite $1: no service is started, and no root needed
# where the lists of packages are there.
unpack_debian() {
    local suite=$1 package=$2 home=$3
    # `ready` is written last: an installation that was interrupted is started over.
    [[ -e $home/ready ]] && return 0
    rm -rf "$home"
    mkdir "$home"
    if ! apt-cache show "$package" >/dev/null 2>&1; then
        ((EUID == 0)) || { echo "the $suite suite needs Debian's lists of packages: apt-get update" >&2; exit 2; }
        apt-get -qq -o DPkg::Lock::Timeout=120 update
    fi
    (cd "$home" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$package")
    dpkg-deb --extract "$home/$package"_*.deb "$home"
    rm "$home/$package"_*.deb
    touch "$home/ready"
}
