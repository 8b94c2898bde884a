"""A notebook with the clients that people install: its own Python, home, and list of trusted authorities."""

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lib.authority import Authority
from lib.bench import Bench
from lib.ports import free_port

CONNECT = """
from lsst_efd_client import EfdClient
client = EfdClient(key, creds_service=service)
"""
"""A cell that connects the client of the EFD."""
_CELLS = Path(__file__).with_name("cells.py")
_ELSEWHERE = Path(__file__).with_name("elsewhere")


class Raised(Exception):
    """What a cell raised."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message


class Notebook:
    """One running Python; a cell leaves what a test wants to know in `result`."""

    def __init__(
        self,
        bench: Bench,
        authority: Authority,
        name: str,
        *,
        python: str = "NBGATE_E2E_EFD_PYTHON",
        environment: Mapping[str, str] | None = None,
        hosts: Mapping[str, int] | None = None,
    ) -> None:
        """`hosts`: names that lead to a port of this machine, whatever port is asked for."""
        self.home = bench.directory(f"{name}-home")
        port = free_port()
        self._connection: socket.socket | None = None
        trusted = {"SSL_CERT_FILE": str(authority.file), "REQUESTS_CA_BUNDLE": str(authority.file)}
        served = {"PYTHONPATH": str(_ELSEWHERE), "NBGATE_E2E_HOSTS": json.dumps(dict(hosts or {}))}

        def connected() -> bool:
            self._connection = socket.create_connection(("127.0.0.1", port), timeout=120)
            return True

        bench.start(
            name,
            [os.environ[python], "-P", _CELLS, str(port)],
            ready=connected,
            env={"HOME": str(self.home)} | trusted | served | dict(environment or {}),
        )
        assert self._connection is not None
        self._lines = self._connection.makefile("rw")

    def run(self, source: str, **names: object) -> Any:
        """Run one cell with these names in it; returns its `result`, or raises what it raised."""
        self._lines.write(json.dumps({"source": source, "names": names}) + "\n")
        self._lines.flush()
        answer = json.loads(self._lines.readline())
        if "raised" in answer:
            raise Raised(answer["raised"], answer["message"])
        return answer["result"]

    def netrc(self, host: str, token: str) -> None:
        """As people write it, so that what has no setting for a token sends one to this host."""
        file = self.home / ".netrc"
        file.write_text(f"machine {host} login {token} password x-oauth-basic\n")
        file.chmod(0o600)
