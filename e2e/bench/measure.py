"""Figures of one running process under load: CPU time as the kernel's scheduler counts it, memory, waiting times."""

import os
import re
import socket
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench.paths import STREAM

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
_EVERY_LATENCY = Path(__file__).with_name("latency.lua")


@dataclass(frozen=True)
class Load:
    """What one round showed."""

    requests: int
    cpu_us: float
    """CPU time of the proxy for one request, in microseconds."""
    per_second: float
    p50_ms: float
    p99_ms: float
    latencies: Counter[int] = field(default_factory=Counter)
    """In microseconds, where the load generator tells each."""


def cpu_ns(pid: int) -> int:
    """CPU time that every thread of a process has had so far, in nanoseconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def resident_kib(pid: int) -> int:
    """Resident memory, in KiB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


def closed_loop(pid: int, url: str, token: str, connections: int, seconds: float, cpus: set[int]) -> Load:
    """Load by wrk: each connection asks again as soon as it has its answer. The first second does not count: a process that
    has waited for its turn has lost what the processor's caches held of it, and that would be its 99th percentile."""
    _wrk(url, token, connections, 1, cpus)
    before = cpu_ns(pid)
    text = _wrk(url, token, connections, seconds, cpus)
    used = cpu_ns(pid) - before
    requests = int(_field(r"(\d+) requests in", text))
    return Load(
        requests,
        used / 1000 / requests,
        float(_field(r"Requests/sec:\s+([\d.]+)", text)),
        _milliseconds(_field(r"^ +50% +(\S+)$", text)),
        _milliseconds(_field(r"^ +99% +(\S+)$", text)),
        Counter({int(value): int(times) for value, times in re.findall(r"^latency (\d+) (\d+)$", text, re.MULTILINE)}),
    )


def _wrk(url: str, token: str, connections: int, seconds: float, cpus: set[int]) -> str:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "--timeout", "30s", "-s", str(_EVERY_LATENCY)]
    done = subprocess.run(
        [*command, "-H", f"Authorization: Bearer {token}", url],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),
    )
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"{url}: not every request was answered well:\n{done.stdout}")
    return done.stdout


def downloads(pid: int, port: int, path: str, token: str, size: int, times: int) -> Load:
    """Whole bodies, one after another on one connection, thrown away as they come."""
    before, began = cpu_ns(pid), time.monotonic()
    with Download(port, token) as download:
        for _ in range(times):
            download.ask(path)
            assert download.read(size) == size
    elapsed = time.monotonic() - began
    each = elapsed / times * 1000
    return Load(times, (cpu_ns(pid) - before) / 1000 / times, times / elapsed, each, each)


def slow_download(pid: int, port: int, token: str, size: int) -> int:
    """Read `size` bytes slower than they could come; the most memory that the proxy had above what it began with, in KiB."""
    base, most, left = resident_kib(pid), 0, size
    with Download(port, token) as download:
        download.ask(f"/jira-data-proxy{STREAM}")
        while left > 0:
            left -= download.read(min(left, 8 * 1024 * 1024))
            most = max(most, resident_kib(pid) - base)
            time.sleep(0.05)  # the reader is slow: this is what is measured
    return most


class Download:
    """A client that reads as fast, or as slowly, as it is told to."""

    def __init__(self, port: int, token: str) -> None:
        self._token = token
        self._buffer = bytearray(1024 * 1024)
        self._left = b""
        self._socket = socket.create_connection(("127.0.0.1", port))

    def __enter__(self) -> "Download":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, path: str) -> None:
        """Send a request and read the head of its answer."""
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._token}\r\n\r\n"
        self._socket.sendall(request.encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._socket.recv(65_536)
        head, _, self._left = head.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head

    def read(self, wanted: int) -> int:
        """Read so many bytes of the body."""
        got, self._left = len(self._left), b""
        while got < wanted:
            count = self._socket.recv_into(self._buffer, min(len(self._buffer), wanted - got))
            if count == 0:
                break
            got += count
        return got


def _field(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        raise RuntimeError(f"the load generator's report has no `{pattern}`:\n{text}")
    return found[1]


def _milliseconds(text: str) -> float:
    found = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    assert found, text
    return float(found[1]) * _UNITS[found[2]]
