"""A facility with VISA: its API server, people's instances at an address each, and the proxies before them."""

import itertools
import secrets
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lib
from lib.bench import Bench
from lib.instance.jupyter import Jupyter
from lib.instance.people import ADA, Person
from lib.instance.proxy import InstanceProxy
from lib.instance.rogue import Behaviour, Rogue
from lib.instance.routes import Ports, beyond, shipped, write
from lib.instance.visa import Instance, VisaApi
from lib.leaks import Ledger
from lib.ports import free_port
from lib.wiretap import Wiretap

_E2E = Path(lib.__file__).parent.parent


class Site:
    """One facility. Every test has instances of its own, so that what one did does not show in another."""

    def __init__(self, bench: Bench, ledger: Ledger) -> None:
        self.bench = bench
        self.ledger = ledger
        self.ports = Ports()
        self.api = VisaApi(bench, ledger)
        self.routes = write(bench.directory("routes") / "proxy.conf.json", [*shipped(self.ports), *beyond(self.ports)])
        self._numbers = itertools.count(1)
        self._folders = itertools.count(1)

    def token(self, person: Person = ADA, lifetime: float = 600, **claims: object) -> str:
        """A new token of somebody's."""
        return self.api.issuer.token(person, lifetime, **claims)

    def instance(self, owner: Person = ADA, **rest: Any) -> Instance:
        """A new instance of somebody's, at an address that no other has; nothing listens there yet."""
        number = next(self._numbers)
        members = rest.pop("members", {})
        address = rest.pop("address", f"127.0.{1 + number // 250}.{1 + number % 250}")
        return self.api.add(Instance(1000 + number, address, {owner: "OWNER"} | members, **rest))

    def proxy(self, name: str, *, routes: Sequence[dict[str, Any]] | None = None, **rest: Any) -> InstanceProxy:
        """A running instance-proxy; `routes` are others than the site's."""
        name = f"{name}-{next(self._folders)}"
        file = write(self.bench.directory(name) / "proxy.conf.json", routes) if routes is not None else self.routes
        return InstanceProxy(self.bench, self.ledger, name, file, rest.pop("api_url", self.api.url), **rest)

    # What runs on instances

    def jupyter(self, instance: Instance, **rest: Any) -> Jupyter:
        """A Jupyter server on it."""
        assert instance.address
        return Jupyter(self.bench, self.ledger, instance.id, instance.address, self.ports.jupyter, **rest)

    def files(self, instance: Instance, *, tapped: bool = True) -> "Service":
        """`lib.instance.service` where Visa Files are."""
        return Service(self, instance, "service", self.ports.files, tapped)

    def other(self, instance: Instance) -> "Service":
        """The same where the entry allows WebSockets and rewrites."""
        return Service(self, instance, "service", self.ports.other)

    def printing(self, instance: Instance) -> "Service":
        """The strict echo where Visa Printing is."""
        return Service(self, instance, "echo", self.ports.printing)

    @contextmanager
    def rogue(self, instance: Instance, behaviour: Behaviour, port: int | None = None) -> Iterator[Rogue]:
        """Its owner's own program where its Jupyter server would be."""
        assert instance.address
        rogue = Rogue(self.bench, self.ledger, instance.address, port or self.ports.jupyter)
        rogue.behaviour = behaviour
        yield rogue
        rogue.close()


class Service:
    """A module of `lib.instance` that serves on an instance; what reaches it is recorded, unless `tapped` is false."""

    def __init__(self, site: Site, instance: Instance, module: str, port: int, tapped: bool = True) -> None:
        address = instance.address
        assert address
        self.direct_port = free_port(address) if tapped else port
        self.instance = instance
        self.id = instance.id
        self.address = address
        self.peer = site.bench.start(
            f"{module}-{instance.id}-{secrets.token_hex(2)}",
            [sys.executable, "-m", f"lib.instance.{module}", address, str(self.direct_port)],
            ready=lambda: not _connect(address, self.direct_port),
            cwd=_E2E,
            env={"PYTHONPATH": str(_E2E), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        self.tap: Wiretap | None = None
        if tapped:
            self.tap = Wiretap(f"{module} of instance {instance.id}", self.direct_port, host=address, port=port)
            site.ledger.upstream_saw(self.tap.name, self.tap.sent_parts)

    @property
    def saw(self) -> bytes:
        """All that ever reached it."""
        assert self.tap is not None
        return self.tap.sent

    def stop(self) -> None:
        """It is there no more."""
        self.peer.stop()
        if self.tap:
            self.tap.close()


def _connect(address: str, port: int) -> int:
    with socket.socket() as probe:
        return probe.connect_ex((address, port))
