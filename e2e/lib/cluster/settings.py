"""The configuration files of the cluster's parts, and what they would leave on the machine."""

import contextlib
import os
import subprocess
from pathlib import Path

_KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{{name: local, cluster: {{server: "{server}", certificate-authority: {authority}}}}}]
users: [{{name: admin, user: {{token: {token}}}}}]
contexts: [{{name: local, context: {{cluster: local, user: admin}}}}]
current-context: local
"""
# Images are loaded once, and come from nowhere else: a full disk must not take them away.
_KUBELET = """\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failSwapOn: false
failCgroupV1: false
cgroupDriver: cgroupfs
containerRuntimeEndpoint: unix://{socket}
authentication: {{anonymous: {{enabled: true}}, webhook: {{enabled: false}}}}
authorization: {{mode: AlwaysAllow}}
address: {node}
clusterDNS: [{node}]
clusterDomain: cluster.local
evictionHard: {{"nodefs.available": "1%", "imagefs.available": "1%"}}
imageGCHighThresholdPercent: 100
syncFrequency: 5s
podLogsDir: {logs}
"""
_COREFILE = """\
.:53 {{
  bind {node}
  errors
  kubernetes cluster.local {{
    kubeconfig {kubeconfig} local
    pods insecure
  }}
  cache 5
}}
"""
CONTAINERD = """\
version = 2
root = "{home}/containerd"
state = "{run}"
[grpc]
address = "{run}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "localhost/pause:1"
restrict_oom_score_adj = true # lowering the score needs a capability that root may not have here
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{home}/net.d"
"""
CNI = """\
{"cniVersion": "1.0.0", "name": "nbgate-e2e", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "%s", "ranges": [[{"subnet": "10.244.0.0/24"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
"""


def debian(package: str, path: str) -> Path:
    """A file of a package that was unpacked for this suite."""
    return Path(os.environ["NBGATE_E2E_DEBIAN"]) / f"{package}-debian" / path


def kubeconfig(server: str, authority: Path, token: str) -> str:
    """For kubectl, and for the parts of the cluster."""
    return _KUBECONFIG.format(server=server, authority=authority, token=token)


def kubelet(node: str, socket: Path, logs: Path) -> str:
    """Its configuration."""
    return _KUBELET.format(node=node, socket=socket, logs=logs)


def corefile(node: str, kubeconfig: Path) -> str:
    """CoreDNS answers for Services alone: nothing here has a name elsewhere."""
    return _COREFILE.format(node=node, kubeconfig=kubeconfig)


def mounts_below(*folders: Path) -> list[str]:
    """Where something is mounted below these, the innermost first."""
    places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return sorted((place for place in places if place.startswith(tuple(f"{folder}/" for folder in folders))), reverse=True)


def remove_cni_rules(table: str) -> None:
    """Of pods whose network was not taken down."""
    listed = subprocess.run(["iptables-save", "--table", table], capture_output=True, text=True, check=False).stdout
    kept = [line for line in listed.splitlines() if "CNI-" not in line and "KUBE-" not in line]
    if len(kept) < len(listed.splitlines()):
        subprocess.run(["iptables-restore", "--table", table], input="\n".join(kept) + "\n", text=True, check=False)


def remove_control_groups() -> None:
    """Those of pods, once they are empty."""
    for group in sorted(Path("/sys/fs/cgroup").glob("*/kubepods/**/"), reverse=True):
        with contextlib.suppress(OSError):
            group.rmdir()
