"""Measures the services beside nginx and compares with the budgets: `python -m bench SUMMARY.json [ROUNDS]`.

Interleaved rounds, medians: the machine's speed drifts, the ratio does not. The proxy that is measured has one processor
for itself; the load and the upstream share the others. Exits with 1 where a budget is missed.
"""

import asyncio
import os
import secrets
import statistics
import sys
import tempfile
from pathlib import Path

from bench import bodies, efd, instances, nginx, subject
from bench.budgets import Table
from bench.measure import Load, closed_loop, downloads, slow_download
from bench.paths import BINARY, LARGE, SMALL
from bench.rounds import STARTS, cpu, interleaved, medians, p99_ratio, ratio
from lib.bench import Bench

CONNECTIONS = 32
AT_ONCE = 200
MIB = 1024

COMPARED = {
    "nginx": nginx.Kind(),
    "auth_request": nginx.Kind(auth=True),
    "cached auth_request": nginx.Kind(auth=True, cached=True),
    "nginx buffered log": nginx.Kind(buffered_log=True),  # no budget: what a gathered log is worth
}


class Run:
    """All peers of one run."""

    def __init__(self, bench: Bench) -> None:
        every = sorted(os.sched_getaffinity(0))
        self.own, self.rest = {every[0]}, set(every[1:]) or {every[0]}
        os.sched_setaffinity(0, self.rest)
        root = bench.directory("jira")
        self.upstream = nginx.upstream(bench, root, self.rest)
        bodies.write(root, self.upstream.url)
        self.nginx = {
            name: nginx.proxy(bench, name.replace(" ", "-"), self.upstream.port, self.own, kind)
            for name, kind in COMPARED.items()
        }
        self.plain = [self.nginx["nginx"]]
        for number in range(1, STARTS):
            self.plain.append(nginx.proxy(bench, f"nginx-{number}", self.upstream.port, self.own, COMPARED["nginx"]))
        self.ours = [subject.start(bench, f"jira-proxy-{number}", self.upstream.url, self.own) for number in range(STARTS)]
        self.efd_port, self.efd = efd.start(bench, self.upstream.url, self.own)
        self.token = secrets.token_hex(32)

    def loop(self, who: str, path: str, seconds: float, process: int = 0) -> Load:
        """One round of one proxy."""
        port, pid = self.place(who, process)
        url = f"http://127.0.0.1:{port}/jira-data-proxy{path}"
        return closed_loop(pid, url, self.token, CONNECTIONS, seconds, self.rest)

    def download(self, who: str, times: int) -> Load:
        """One round of large bodies."""
        port, pid = self.place(who)
        return downloads(pid, port, f"/jira-data-proxy{BINARY}", self.token, bodies.BINARY_BYTES, times)

    def own_page(self, who: str, seconds: float) -> Load:
        """One round of what a service answers by itself: efd-token's hand-out, or jira-proxy's `-/me`."""
        if who == "hand-out":
            port, pid, path = self.efd_port, self.efd.process.pid, efd.HAND_OUT
        else:
            port, pid, path = self.ours[0].port, self.ours[0].pid, "/jira-data-proxy/-/me"
        return closed_loop(pid, f"http://127.0.0.1:{port}{path}", self.token, CONNECTIONS, seconds, self.rest)

    def place(self, who: str, process: int = 0) -> tuple[int, int]:
        """Port and process of one proxy."""
        if who == "jira-proxy":
            return self.ours[process].port, self.ours[process].pid
        peer = self.plain[process] if who == "nginx" else self.nginx[who]
        return peer.port, peer.worker


async def ask_at_once(port: int, token: str, times: int) -> list[bytes]:
    """So many first requests with one token: every connection stands before the first request is sent."""
    pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(times)]
    request = f"GET /jira-data-proxy{SMALL} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    for _, writer in pairs:
        writer.write(request.encode())
    return list(await asyncio.gather(*(reader.read() for reader, _ in pairs)))


def lookups_at_once(run: Run) -> int:
    """How often the hub is asked about a token that many requests bring at once."""
    before = run.upstream.lookups()
    answers = asyncio.run(ask_at_once(run.ours[0].port, secrets.token_hex(32), AT_ONCE))
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers), answers[:1]
    return run.upstream.lookups() - before


def measure(bench: Bench, rounds: int) -> Table:
    """One whole run."""
    table, run = Table(), Run(bench)
    first = run.ours[0]
    slow = slow_download(first.pid, first.port, run.token, bodies.STREAM_BYTES)
    # More turns, and shorter: its budget is the tightest, and what else is compared would come between the two.
    small = interleaved(4 * rounds, ["jira-proxy", "nginx"], lambda who, process: run.loop(who, SMALL, 1, process), STARTS)
    others = [name for name in COMPARED if name != "nginx"]
    beside = interleaved(rounds // 2, ["jira-proxy", *others], lambda who, _: run.loop(who, SMALL, 2))
    large = interleaved(rounds, ["jira-proxy", "nginx"], lambda who, _: run.loop(who, LARGE, 2))
    pages = interleaved(rounds, ["hand-out", "-/me"], lambda who, _: run.own_page(who, 1))
    huge = interleaved(rounds, ["jira-proxy", "nginx"], lambda who, _: run.download(who, 8))
    table.add("cpu_small_vs_nginx", "CPU, 2 kB JSON, by nginx", ratio(small, "nginx", cpu), 1.0, "x")
    cached = ratio(beside, "cached auth_request", cpu)
    table.add("cpu_small_vs_cached_auth_request", "CPU, 2 kB JSON, by nginx cached `auth_request`", cached, 0.75, "x")
    table.add("cpu_100kb_vs_nginx", "CPU, 100 kB JSON, by nginx", ratio(large, "nginx", cpu), 0.65, "x")
    table.add("cpu_64mib_vs_nginx", "CPU, 64 MiB, by nginx", ratio(huge, "nginx", cpu), 0.6, "x")
    table.add("p99_small_vs_nginx", "p99, 2 kB, 32 connections, by nginx", p99_ratio(small, "nginx"), 1.2, "x")
    table.add("p99_100kb_vs_nginx", "p99, 100 kB, 32 connections, by nginx", p99_ratio(large, "nginx"), 1.2, "x")
    hand_out = p99_ratio(pages, "-/me", "hand-out")
    table.add("p99_hand_out_vs_me", "p99, efd-token's hand-out, by jira-proxy's `-/me`", hand_out, 2.0, "x")
    table.add("rss_idle", "resident memory, idle", statistics.median(one.idle_kib for one in run.ours) / MIB, 12, "MiB")
    table.add("rss_slow_reader", "more while 1 GiB streams to a slow reader", slow / MIB, 8, "MiB")
    table.add("start_to_ready", "start to ready", statistics.median(one.start_ms for one in run.ours), 100, "ms")
    table.add("binary", "binary", subject.binary().stat().st_size / MIB / MIB, 15, "MiB")
    what = f"identity look-ups for {AT_ONCE} first requests at once with one token"
    table.add("lookups_at_once", what, lookups_at_once(run), 1, "")
    table.medians = {"2 kB": medians(beside) | medians(small), "100 kB": medians(large), "64 MiB": medians(huge), "own": medians(pages)}
    for one in run.ours:
        one.peer.stop()
    counted = sum(load.requests for loads in (small, beside, large, huge) for load in loads["jira-proxy"])
    audited = sum(subject.audited(one.peer) for one in run.ours)
    assert audited >= counted, f"{audited} audit events of {counted} requests"
    instances.measure(bench, instances.Peers(run.upstream, run.plain, run.own, run.rest), table, rounds)
    return table


def main() -> int:
    """Measure, print, write, judge."""
    summary = Path(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 6
    with tempfile.TemporaryDirectory(prefix="nbgate-bench-") as folder:
        bench = Bench(Path(folder))
        try:
            table = measure(bench, rounds)
        finally:
            bench.close()
    table.write(summary)
    for size, figures in table.medians.items():
        print(f"\n{size}, median of {rounds} rounds:")
        for name, one in figures.items():
            print(
                f"  {name:20} {one['cpu_us']:10.1f} us CPU  {one['per_second']:9.0f} /s"
                f"  p50 {one['p50_ms']:7.2f} ms  p99 {one['p99_ms']:7.2f} ms"
            )
    print(f"\n{table}\n\nwritten to {summary}")
    return 0 if table.met else 1


if __name__ == "__main__":
    sys.exit(main())
