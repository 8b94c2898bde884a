"""instance-proxy beside nginx and configurable-http-proxy: HTTP by jira-proxy's budgets, and what tunnels cost."""

import secrets
from dataclasses import dataclass

from bench import bodies, instance, websockets
from bench.budgets import Table
from bench.measure import Load, closed_loop, downloads
from bench.nginx import Nginx
from bench.paths import BINARY, LARGE, SMALL
from bench.rounds import STARTS, Rounds, cpu, interleaved, medians, p99_ratio, ratio
from lib.bench import Bench

_OURS = "instance-proxy"
_CONNECTIONS = 32


@dataclass(frozen=True)
class Peers:
    """What there is already: an nginx that answers, some that are proxies, processors of proxies and of all others."""

    upstream: Nginx
    nginx: list[Nginx]
    own: set[int]
    rest: set[int]


class Run:
    """All peers of one run."""

    def __init__(self, bench: Bench, peers: Peers) -> None:
        self._bench = bench
        self._peers = peers
        self._token = secrets.token_hex(32)
        self._echo = websockets.echo(bench)
        self.ours = [self._start(f"{_OURS}-{number}") for number in range(STARTS)]
        self.tunnels = {
            _OURS: [websockets.Subject(one.port, one.pid, instance.SOCKET) for one in self.ours],
            "nginx": [websockets.behind_nginx(bench, f"nginx-websockets-{number}", self._echo, peers.own) for number in range(STARTS)],
            "chp": [websockets.behind_chp(bench, self._echo, peers.own)],
        }

    def _start(self, name: str) -> instance.InstanceProxy:
        upstream = self._peers.upstream
        return instance.start(self._bench, name, upstream.url, upstream.port, self._echo, self._peers.own)

    def _place(self, who: str, process: int = 0) -> tuple[int, int, str]:
        """Port and process of one proxy, and below which path the upstream is."""
        if who == _OURS:
            return self.ours[process].port, self.ours[process].pid, instance.FILES
        nginx = self._peers.nginx[process]
        return nginx.port, nginx.worker, "/jira-data-proxy"

    def loop(self, who: str, path: str, seconds: float, process: int = 0) -> Load:
        """One turn of one proxy."""
        port, pid, prefix = self._place(who, process)
        url = f"http://127.0.0.1:{port}{prefix}{path}"
        return closed_loop(pid, url, self._token, _CONNECTIONS, seconds, self._peers.rest)

    def download(self, who: str, times: int) -> Load:
        """One turn of large bodies."""
        port, pid, prefix = self._place(who)
        return downloads(pid, port, f"{prefix}{BINARY}", self._token, bodies.BINARY_BYTES, times)

    def messages(self, who: str, seconds: float, process: int = 0) -> Load:
        """One turn of WebSocket messages."""
        return self.tunnels[who][process].load(self._token, seconds, self._peers.rest)

    def idle_tunnel_kib(self, count: int) -> float:
        """Memory for each idle tunnel, in a process that has done nothing else: freed memory would be used again."""
        fresh = self._start("instance-proxy-idle")
        subject = websockets.Subject(fresh.port, fresh.pid, instance.SOCKET)
        kib = subject.idle_kib(self._token, count, self._peers.rest)
        fresh.peer.stop()
        return kib


def measure(bench: Bench, peers: Peers, table: Table, rounds: int) -> None:
    """One whole run."""
    idle = websockets.allow_descriptors()
    run, both = Run(bench, peers), [_OURS, "nginx"]
    small = interleaved(4 * rounds, both, lambda who, process: run.loop(who, SMALL, 1, process), STARTS)
    large = interleaved(rounds, both, lambda who, _: run.loop(who, LARGE, 2))
    huge = interleaved(rounds, both, lambda who, _: run.download(who, 8))
    messages = interleaved(4 * rounds, both, lambda who, process: run.messages(who, 1, process), STARTS)
    beside = interleaved(max(1, rounds // 2), [_OURS, "chp"], lambda who, _: run.messages(who, 2))
    for what, measured, key, budget in (
        ("2 kB JSON", small, "small", 1.0),
        ("100 kB JSON", large, "100kb", 0.65),
        ("64 MiB", huge, "64mib", 0.6),
    ):
        figure = ratio(measured, "nginx", cpu, _OURS)
        table.add(f"instance_cpu_{key}_vs_nginx", f"instance-proxy: CPU, {what}, by nginx", figure, budget, "x")
    for what, measured, key in (("2 kB", small, "small"), ("100 kB", large, "100kb")):
        figure = p99_ratio(measured, "nginx", _OURS)
        table.add(f"instance_p99_{key}_vs_nginx", f"instance-proxy: p99, {what}, by nginx", figure, 1.2, "x")
    _tunnels(table, messages, beside)
    what = f"resident memory for each of {idle} idle tunnels"
    table.add("tunnel_idle_memory", what, run.idle_tunnel_kib(idle), 20, "KiB")
    table.medians["instance 2 kB"] = medians(small)
    table.medians["instance 100 kB"] = medians(large)
    table.medians["instance 64 MiB"] = medians(huge)
    table.medians["WebSocket message"] = medians(beside) | medians(messages)


def _tunnels(table: Table, messages: Rounds, beside: Rounds) -> None:
    what = f"CPU, WebSocket message of {websockets.SIZE} bytes, by"
    table.add("tunnel_cpu_message_vs_nginx", f"{what} nginx", ratio(messages, "nginx", cpu, _OURS), 1.0, "x")
    chp = ratio(beside, "chp", cpu, _OURS)
    table.add("tunnel_cpu_message_vs_chp", f"{what} configurable-http-proxy", chp, 1.0, "x")
