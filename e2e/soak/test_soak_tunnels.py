"""Ten thousand idle WebSockets through one instance-proxy: their cost, that they stay, what a stop tells them."""

import resource
import threading
import time

from lib.bench import Bench
from lib.instance.frames import WebSocket
from lib.instance.proxy import InstanceProxy
from lib.instance.site import Service, Site
from lib.leaks import Ledger
from lib.poll import eventually
from lib.soak.figures import KIB, Figures, Scenario, percentile
from lib.soak.run import Scale


def test_ten_thousand_idle_tunnels(bench: Bench, ledger: Ledger, figures: Figures, scale: Scale) -> None:
    site = Site(bench, ledger)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(scale.of(10_000, 2_000), (most - 200) // 2)  # the service has two descriptors for each
    bounds = {"max_tunnels": count + 10, "max_tunnels_per_user": count + 10}
    proxy = site.proxy("tunnels", refresh_seconds=10, tunnels=bounds)
    quiet = Service(site, site.instance(), "quiet", site.ports.other, tapped=False)
    path, token = f"/other/{quiet.id}/socket", site.token()
    proxy.socket(path, token).close()
    proxy.no_tunnel_is_left()
    with figures.scenario("tunnels") as report:
        before, descriptors = proxy.process.memory_info().rss, proxy.process.num_fds()
        sockets = [proxy.socket(path, token) for _ in range(count)]
        report.exactly("tunnels that are open at once", proxy.tunnels(), count)
        report.at_most("memory of each", (proxy.process.memory_info().rss - before) / count / KIB, 20, "KiB")
        _idle(proxy, scale.of(60, 5), report)
        _speak(sockets, report)
        report.at_most(
            "memory of each, after a message", (proxy.process.memory_info().rss - before) / count / KIB, 20, "KiB"
        )
        half = count // 2
        for socket in sockets[:half]:
            socket.close()
        eventually("half are left", lambda: proxy.tunnels() == count - half, within=20)
        report.at_most(
            "descriptors for each that is left", (proxy.process.num_fds() - descriptors) / (count - half), 2.1
        )
        _stop(proxy, sockets[half:], report)


def _idle(proxy: InstanceProxy, seconds: int, report: Scenario) -> None:
    spent = sum(proxy.process.cpu_times()[:2])
    time.sleep(seconds)  # so much time has to pass: this is what is tried
    report.at_most(
        "processor time while nothing moves", (sum(proxy.process.cpu_times()[:2]) - spent) / seconds * 100, 5, "%"
    )


def _speak(sockets: list[WebSocket], report: Scenario) -> None:
    """One message on each, after another."""
    waits, wrong = [], 0
    for number, socket in enumerate(sockets):
        began = time.monotonic()
        socket.text(f"{number}")
        wrong += socket.message() != b"%d" % number
        waits.append(time.monotonic() - began)
    report.exactly("messages that came back wrong", wrong, 0)
    report.at_most("p99 of a message there and back", percentile(waits, 0.99), 0.1, "s")


def _stop(proxy: InstanceProxy, sockets: list[WebSocket], report: Scenario) -> None:
    """All are told why they end, while the process ends."""
    codes: list[int] = []
    reader = threading.Thread(target=lambda: codes.extend(socket.closed().code for socket in sockets))
    reader.start()
    began = time.monotonic()
    status = proxy.stop()
    report.at_most("from SIGTERM to the end", time.monotonic() - began, 12, "s")
    reader.join()
    report.exactly("its exit status", status, 0)
    report.exactly("tunnels that were told 1001", codes.count(1001), len(sockets))
    for socket in sockets:
        socket.close()
