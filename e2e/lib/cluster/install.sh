# Sourced by run.sh for the suite `cluster`: Kubernetes, Argo CD and CoreDNS, built from their Go modules; Helm; containerd, etcd and
# what else is Debian's. Expects `here`, `cache` and `python`.

# shellcheck source=e2e/lib/debian.sh
source "$here/lib/debian.sh"

((EUID == 0)) || { echo 'the cluster suite starts containers: it needs root' >&2; exit 2; }
command -v go >/dev/null || { echo 'the cluster suite needs Go 1.25 or newer' >&2; exit 2; }

# Builds the module in lib/cluster/$1 once for each state of its sources; the variable $2 is then where the program is. Minutes long.
build_go() {
    local source=$here/lib/cluster/$1 flags='-s -w' lock home version package=k8s.io/component-base/version
    if [[ $1 == kube ]]; then # else it says that it is none, and charts ask for one
        version=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' "$source/go.mod")
        flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$(cut -d. -f2 <<<"$version")"
    fi
    lock=$(cat "$source"/*.go "$source/go.mod" "$source/go.sum" <(echo "$flags") | sha256sum)
    home=$cache/cluster-$1-${lock:0:16}
    if [[ ! -e $home/ready ]]; then
        rm -rf "$home"
        mkdir "$home"
        (cd "$source" && CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath -ldflags="$flags" -o "$home/$1" .)
        # Definitions that its controllers expect the cluster to know are in the module beside them.
        [[ $1 != argo ]] || cp "$(cd "$source" && go list -m -f '{{.Dir}}' github.com/argoproj/argo-cd/v3)"/manifests/crds/*-crd.yaml "$home"
        touch "$home/ready"
    fi
    printf -v "$2" %s "$home/$1"
}

# One cluster at a time: its addresses and its node's interfaces are the machine's. Held until the suite ends, as it is inherited.
exec {cluster}>"$cache/cluster.lock"
flock "$cluster"
install_debian cluster buildah:buildah iptables:iptables conntrack:conntrack runc:runc redis-check-rdb:redis-tools \
    git:git ip:iproute2 openssl:openssl
for package in containerd etcd-server containernetworking-plugins busybox-static; do
    unpack_debian cluster "$package" "$cache/$package-debian"
done
exec {guard}>"$cache/efd.lock" # the suite `efd` unpacks it too
flock "$guard"
unpack_debian cluster influxdb "$cache/influxdb-debian"
exec {guard}>&-
NBGATE_E2E_INFLUXDB=$cache/influxdb-debian/usr/bin/influxd
build_go kube NBGATE_E2E_KUBE
build_go argo NBGATE_E2E_ARGO
build_go coredns NBGATE_E2E_COREDNS
# Helm 3, which this Argo CD is made for, from the tools of `just charts`.
NBGATE_E2E_HELM=$("$here/../scripts/charts/install.sh")/bin/helm3
NBGATE_E2E_DEBIAN=$cache
export NBGATE_E2E_KUBE NBGATE_E2E_ARGO NBGATE_E2E_COREDNS NBGATE_E2E_HELM NBGATE_E2E_DEBIAN NBGATE_E2E_INFLUXDB
