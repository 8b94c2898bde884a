"""What a tunnel costs: CPU for each message, memory for each that is idle; beside nginx and configurable-http-proxy.

The load is a program of the workspace (`crates/proxy-testkit/examples/websockets.rs`), as one in Python would be busier
than what it measures.
"""

import contextlib
import os
import resource
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import nginx
from bench.measure import Load, cpu_ns, resident_kib
from lib.bench import Bench
from lib.ports import free_port

SIZE = 512
CONNECTIONS = 32
IDLE = 10_000


def program() -> Path:
    """The release build."""
    return Path(os.environ["NBGATE_BIN_DIR"]) / "examples" / "websockets"


def allow_descriptors() -> int:
    """As many as the system lets everybody have, from now on; returns how many idle tunnels that is enough for."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return min(IDLE, (most - 200) // 2)


@dataclass
class Subject:
    """One proxy, and where a WebSocket is behind it."""

    port: int
    pid: int
    path: str

    def load(self, token: str, seconds: float, cpus: set[int]) -> Load:
        """One turn, of which the first second does not count (as of `closed_loop`); a round trip is two messages."""
        self._run("load", token, str(CONNECTIONS), "1", str(SIZE), cpus=cpus)
        before = cpu_ns(self.pid)
        done = self._run("load", token, str(CONNECTIONS), str(seconds), str(SIZE), cpus=cpus)
        used = cpu_ns(self.pid) - before
        trips, elapsed, p50, p99 = done.split()
        messages = 2 * int(trips)
        return Load(messages, used / 1000 / messages, messages / float(elapsed), float(p50), float(p99))

    def idle_kib(self, token: str, count: int, cpus: set[int]) -> float:
        """Resident memory for each of so many tunnels on which nothing moves any more."""
        before = resident_kib(self.pid)
        with self._held(token, count, cpus):
            return (resident_kib(self.pid) - before) / count

    def _command(self, what: str, token: str, *rest: str) -> list[str]:
        return [str(program()), what, f"127.0.0.1:{self.port}", self.path, token, *rest]

    def _run(self, what: str, token: str, *rest: str, cpus: set[int]) -> str:
        return subprocess.run(
            self._command(what, token, *rest),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        ).stdout

    @contextlib.contextmanager
    def _held(self, token: str, count: int, cpus: set[int]) -> Iterator[None]:
        holder = subprocess.Popen(
            self._command("hold", token, str(count)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        )
        assert holder.stdin and holder.stdout
        try:
            assert holder.stdout.readline() == "open\n", "not every tunnel was opened"
            yield
        finally:
            holder.stdin.close()
            holder.wait(30)


def echo(bench: Bench) -> int:
    """The other end of all tunnels; its port."""
    port = free_port()
    bench.start("echo", [program(), "echo", f"127.0.0.1:{port}"], ready=lambda: _listens(port))
    return port


def behind_nginx(bench: Bench, name: str, target: int, cpus: set[int]) -> Subject:
    """nginx as operators set it up for WebSockets."""
    proxy = nginx.tunnel(bench, name, target, cpus)
    return Subject(proxy.port, proxy.worker, "/socket.io/")


def behind_chp(bench: Bench, target: int, cpus: set[int]) -> Subject:
    """JupyterHub's proxy."""
    port, api_port = free_port(), free_port()
    command = [os.environ["NBGATE_E2E_CHP"], "--ip", "127.0.0.1", "--port", str(port), "--api-ip", "127.0.0.1"]
    command += ["--api-port", str(api_port), "--default-target", f"http://127.0.0.1:{target}"]
    peer = bench.start("chp", command, ready=lambda: _listens(port))
    process = psutil.Process(peer.process.pid)
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cpus)
    return Subject(port, process.pid, "/socket.io/")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
