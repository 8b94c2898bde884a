"""containerd, the images in it, and the containers that it runs."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

from lib.bench import Bench, Peer
from lib.cluster import settings

_PAUSE = Path(__file__).with_name("pause.c")
_BUILD = {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs"}


class Containerd:
    """One daemon, with a store of its own."""

    def __init__(self, bench: Bench, home: Path) -> None:
        self._bench = bench
        self._home = home
        self._peer: Peer | None = None
        self.run = Path("/run/nbgate-e2e")
        self.socket = self.run / "containerd.sock"

    def start(self) -> None:
        """Until it answers."""
        plugins = settings.debian("containernetworking-plugins", "usr/lib/cni")
        network = self._home / "net.d"
        network.mkdir()
        (network / "10-nbgate.conflist").write_text(settings.CNI % (self._home / "addresses"))
        config = self._home / "containerd.toml"
        config.write_text(settings.CONTAINERD.format(home=self._home, run=self.run, plugins=plugins))
        self.run.mkdir(parents=True, exist_ok=True)
        programs = settings.debian("containerd", "usr/bin")
        self._peer = self._bench.start(
            "containerd",
            [programs / "containerd", "--config", config],
            ready=lambda: self._ctr("version").returncode == 0,
            env={"PATH": f"{programs}:{os.environ['PATH']}:/usr/sbin:/sbin"},  # the shim is beside it, runc elsewhere
        )

    def load(self, archive: Path) -> None:
        """An image from an OCI archive, under the name that stands in it."""
        done = self._ctr("images", "import", str(archive))
        assert done.returncode == 0, done.stderr

    def load_pause(self) -> None:
        """The image of what holds a pod's namespaces open, compiled here."""
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["cc", "-static", "-O2", "-o", f"{folder}/pause", str(_PAUSE)], check=True)
            self.load(build_image(Path(folder), "localhost/pause:1", "COPY pause /pause\nENTRYPOINT [\"/pause\"]\n"))

    def images(self) -> list[str]:
        """Their names."""
        return self._ctr("images", "list", "--quiet").stdout.split()

    def kill_all(self) -> None:
        """Every container; the kubelet that would start them again is gone."""
        for _ in range(50):
            tasks = self._ctr("tasks", "list", "--quiet").stdout.split()
            if not tasks:
                return
            for task in tasks:
                self._ctr("tasks", "kill", "--signal", "SIGKILL", task)
                self._ctr("tasks", "delete", "--force", task)
            time.sleep(0.1)

    def stop(self) -> None:
        """The daemon."""
        if self._peer:
            self._peer.stop(10)

    def _ctr(self, *words: str) -> subprocess.CompletedProcess[str]:
        program = settings.debian("containerd", "usr/bin/ctr")
        command = [str(program), "--address", str(self.socket), "--namespace", "k8s.io", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def build_image(context: Path, name: str, lines: str) -> Path:
    """An image of our own from scratch, as an archive in the context."""
    (context / "Dockerfile").write_text(f"FROM scratch\n{lines}")
    archive = context / "image.tar"
    storage = ["--root", str(context / "storage"), "--runroot", str(context / "run")]
    environment = os.environ | _BUILD
    for command in (
        ["bud", "--quiet", "--tag", name, str(context)],
        ["push", "--quiet", name, f"oci-archive:{archive}:{name}"],
    ):
        subprocess.run(["buildah", *storage, *command], check=True, capture_output=True, env=environment)
    return archive
