"""A JupyterHub with people of every sort, and a way to it that can be held up."""

import contextlib
import secrets
import socket
import threading
from collections.abc import Iterator

from lib.bench import Bench
from lib.hub import Hub
from lib.leaks import Ledger
from lib.wiretap import Wiretap

SERVICE = "jira"
"""What the service under test is called at the hub."""
SCOPE = f"access:services!service={SERVICE}"
GROUP = "astronomers"
"""A group whose members may use the service."""
BY_GROUP, BY_ROLE, BY_ANY_SERVICE, BY_OTHER_SERVICE, BY_NOTHING = "ada", "bob", "olga", "otto", "eve"
"""Users, after what their right to use the service comes from, or would."""
ROBOT, OTHER_ROBOT = "robot", "other-robot"
"""Services of the hub: the first may use the service."""


class PeopledHub:
    """The hub, and the tokens of its services."""

    def __init__(self, bench: Bench, ledger: Ledger) -> None:
        self.accounts = {name: secrets.token_hex(16) for name in (SERVICE, ROBOT, OTHER_ROBOT)}
        self.hub = Hub(
            bench,
            ledger,
            groups={GROUP: [BY_GROUP]},
            reader_groups=[GROUP],
            open_services=[SERVICE],
            accounts=self.accounts,
            roles=[
                {"name": "by-role", "users": [BY_ROLE], "services": [ROBOT], "scopes": [SCOPE]},
                {"name": "any-service", "users": [BY_ANY_SERVICE], "scopes": ["access:services"]},
                {"name": "other", "users": [BY_OTHER_SERVICE], "scopes": [f"access:services!service={ROBOT}"]},
            ],
        )
        self.hub.start()


class Valve(Wiretap):
    """A hop that can be shut: whoever connects then is taken in and waits."""

    def __init__(self, name: str, target: int) -> None:
        self._open = threading.Event()
        self._open.set()
        self.visits = 0
        """How often somebody connected."""
        super().__init__(name, target)

    @contextlib.contextmanager
    def shut(self) -> Iterator[None]:
        """While nothing gets through."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def _relay(self, near: socket.socket) -> None:
        self.visits += 1
        self._open.wait(30)
        super()._relay(near)
