"""A real Kubernetes of one node: API server, controllers, scheduler, kubelet, kube-proxy, containerd, etcd and CoreDNS.

Its node's address is a name of loopback's that pods can reach, so peers of the run that listen there are upstreams for pods.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable

from lib.authority import Authority
from lib.bench import Bench, Peer
from lib.cluster import settings
from lib.cluster.kubectl import Kubectl
from lib.cluster.runtime import Containerd

NODE = "10.10.0.1"
"""The kubelet refuses a loopback address for its node; this one never leaves the machine either."""
_SERVICES = "10.96.0.0/16"
_API = "https://127.0.0.1:6443"
_ETCD = "http://127.0.0.1:2379"


class Cluster:
    """Starts with nothing in it but its node, and leaves nothing on the machine."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._program = os.environ["NBGATE_E2E_KUBE"]
        self._peers: list[Peer] = []
        self.home = bench.directory("cluster")
        self.kubeconfig = self.home / "kubeconfig"
        self.logs = self.home / "logs"
        """Of every container, one folder for each pod."""
        self.containerd = Containerd(bench, self.home)
        self.kubectl = Kubectl(self._program, self.kubeconfig)

    def start(self) -> None:
        """Until its node is ready."""
        self._clean()
        subprocess.run(["ip", "address", "replace", f"{NODE}/32", "dev", "lo"], check=True)
        self._credentials()
        self._control_plane()
        self._node()

    def _credentials(self) -> None:
        keys = self.home / "keys"
        keys.mkdir()
        authority = Authority(keys)
        token = secrets.token_hex(16)
        names = ("localhost", "kubernetes.default.svc", "127.0.0.1", "10.96.0.1", NODE)
        for name, hosts in {"api": names, "accounts": ("accounts",)}.items():
            certificate, key = authority.issue(*hosts)
            (keys / f"{name}.crt").write_text(certificate)
            (keys / f"{name}.key").write_text(key)
        (keys / "tokens.csv").write_text(f'{token},admin,1,"system:masters"\n')
        self.kubeconfig.write_text(settings.kubeconfig(_API, authority.file, token))
        self.kubeconfig.chmod(0o600)

    def _control_plane(self) -> None:
        etcd = self._bench.root / "cluster" / "etcd"
        self._start(
            "etcd",
            [settings.debian("etcd-server", "usr/bin/etcd"), "--data-dir", etcd, "--unsafe-no-fsync"]
            + [f"--listen-client-urls={_ETCD}", f"--advertise-client-urls={_ETCD}"]
            + ["--listen-peer-urls=http://127.0.0.1:2380"],
        )
        keys = self.home / "keys"
        self._kube(
            "apiserver",
            f"--etcd-servers={_ETCD}",
            f"--service-cluster-ip-range={_SERVICES}",
            f"--advertise-address={NODE}",
            "--secure-port=6443",
            f"--cert-dir={keys}",
            f"--tls-cert-file={keys}/api.crt",
            f"--tls-private-key-file={keys}/api.key",
            f"--token-auth-file={keys}/tokens.csv",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            f"--service-account-key-file={keys}/accounts.crt",
            f"--service-account-signing-key-file={keys}/accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--kubelet-preferred-address-types=InternalIP",
            ready=lambda: self.kubectl("get", "--raw", "/readyz") == "ok",
        )
        self._kube(
            "manager",
            f"--kubeconfig={self.kubeconfig}",
            f"--cert-dir={keys}",
            f"--service-account-private-key-file={keys}/accounts.key",
            f"--root-ca-file={keys}/authority.pem",
            "--use-service-account-credentials",
            "--cluster-cidr=10.244.0.0/16",
            "--allocate-node-cidrs",
            "--leader-elect=false",
        )
        self._kube("scheduler", f"--kubeconfig={self.kubeconfig}", f"--cert-dir={keys}", "--leader-elect=false")

    def _node(self) -> None:
        self.containerd.start()
        self.containerd.load_pause()
        corefile = self.home / "Corefile"
        corefile.write_text(settings.corefile(NODE, self.kubeconfig))
        self._start("coredns", [os.environ["NBGATE_E2E_COREDNS"], "-conf", corefile])
        kubelet = self.home / "kubelet.yaml"
        kubelet.write_text(settings.kubelet(NODE, self.containerd.socket, self.logs))
        self._kube(
            "kubelet",
            f"--kubeconfig={self.kubeconfig}",
            f"--config={kubelet}",
            f"--cert-dir={self.home}/keys",
            "--hostname-override=node1",
            f"--node-ip={NODE}",
            f"--root-dir={self.home}/kubelet",
            ready=self._ready,
        )
        self._kube(
            "proxy",
            f"--kubeconfig={self.kubeconfig}",
            "--cluster-cidr=10.244.0.0/16",
            "--hostname-override=node1",
            "--proxy-mode=iptables",
        )

    def _ready(self) -> bool:
        conditions = self.kubectl.get("node", "node1")["status"]["conditions"]
        return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)

    def _kube(self, part: str, *options: str, ready: Callable[[], bool] = lambda: True) -> None:
        self._start(f"kube-{part}", [self._program, part, *options], ready)

    def _start(
        self, name: str, command: list[str | os.PathLike[str]], ready: Callable[[], bool] = lambda: True
    ) -> None:
        # Of most parts nobody needs to know when they are ready: what needs them waits.
        environment = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        peer = self._bench.start(name, command, ready=ready, within=90, env=environment, cwd=self.home)
        self._peers.append(peer)

    def stop(self) -> None:
        """End all that runs in it, then itself."""
        for peer in reversed(self._peers):
            peer.ask_to_stop()
        self.containerd.kill_all()
        for peer in self._peers:
            peer.stop(10)
        self.containerd.stop()
        self._clean()

    def _clean(self) -> None:
        """What a run leaves behind that was cut short, too."""
        subprocess.run([self._program, "proxy", "--cleanup"], capture_output=True, check=False)
        for table in ("nat", "filter", "mangle"):
            settings.remove_cni_rules(table)
        for place in settings.mounts_below(self.home, self.containerd.run):
            subprocess.run(["umount", "--lazy", place], capture_output=True, check=False)
        for folder in (self.containerd.run, *(self.home / name for name in ("kubelet", "etcd", "containerd"))):
            shutil.rmtree(folder, ignore_errors=True)
        for command in (f"address delete {NODE}/32 dev lo", "link delete cni0"):
            subprocess.run(["ip", *command.split()], capture_output=True, check=False)
        settings.remove_control_groups()

