"""A TCP hop that keeps every byte of both directions: what a peer really saw, whatever it logs."""

import contextlib
import itertools
import re
import socket
import threading
from dataclasses import dataclass, field

from lib.ports import free_port

# Not only at the beginning of a line: on a connection that is used again, it follows a body.
_REQUEST_LINE = re.compile(rb"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|PROPFIND) \S+ HTTP/1\.[01]\r$", re.MULTILINE)


@dataclass
class Exchange:
    """One connection's bytes, as they went by."""

    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)


@dataclass
class Watch:
    """What went to a wiretap's target since a certain moment."""

    _exchanges: list[Exchange]
    _lengths: list[int]

    @property
    def sent(self) -> bytes:
        """All of it."""
        lengths = itertools.chain(self._lengths, itertools.repeat(0))
        parts = (bytes(exchange.sent[length:]) for exchange, length in zip(self._exchanges, lengths, strict=False))
        return b"\n".join(part for part in parts if part)

    @property
    def requests(self) -> list[str]:
        """As of the wiretap."""
        return _request_lines(self.sent)


class Wiretap:
    """Listens on a port of its own, or on `port`, and passes everything on to `target`; both are ports of `host`, unless
    the target is somewhere else.
    """

    def __init__(
        self,
        name: str,
        target: int,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        target_host: str | None = None,
    ) -> None:
        self.name = name
        self.target = target
        self.host = host
        self.target_host = target_host or host
        self.port = port or free_port(host)
        self.url = f"http://{host}:{self.port}"
        self._exchanges: list[Exchange] = []
        self._listener = socket.create_server((host, self.port), backlog=1024)
        threading.Thread(target=self._accept, name=f"wiretap {name}", daemon=True).start()

    @property
    def sent(self) -> bytes:
        """All that went to the target."""
        return b"\n".join(bytes(exchange.sent) for exchange in self._exchanges)

    @property
    def received(self) -> bytes:
        """All that came back from it."""
        return b"\n".join(bytes(exchange.received) for exchange in self._exchanges)

    def sent_parts(self) -> list[bytearray]:
        """All that went to the target, by connection: these grow, and are never joined (for the ledger)."""
        return [exchange.sent for exchange in list(self._exchanges)]

    def received_parts(self) -> list[bytearray]:
        """All that came back from it, by connection."""
        return [exchange.received for exchange in list(self._exchanges)]

    @property
    def requests(self) -> list[str]:
        """The request lines that went to the target, such as `GET /rest/api/2/serverInfo`."""
        return _request_lines(self.sent)

    def from_now(self) -> "Watch":
        """A view of what goes to the target from now on, also on connections that are open already."""
        return Watch(self._exchanges, [len(exchange.sent) for exchange in self._exchanges])

    def close(self) -> None:
        """Stop listening; what was recorded stays."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # else the thread that accepts keeps it open
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection((self.target_host, self.target), timeout=5)
        except OSError:
            # The target is down: the caller sees a connection that ends without an answer.
            near.close()
            return
        far.settimeout(None)
        exchange = Exchange()
        self._exchanges.append(exchange)
        back = threading.Thread(target=_pump, args=(far, near, exchange.received), daemon=True)
        back.start()
        _pump(near, far, exchange.sent)
        back.join()
        near.close()
        far.close()


def _request_lines(sent: bytes) -> list[str]:
    return [line.decode("latin-1").rsplit(" ", 1)[0] for line in _REQUEST_LINE.findall(sent)]


def _pump(source: socket.socket, sink: socket.socket, record: bytearray) -> None:
    """Copy until the source ends; then tell the sink so, as a broken half is how HTTP marks a body cut short."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(65_536):
            record += chunk
            sink.sendall(chunk)
    for end, half in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with contextlib.suppress(OSError):
            end.shutdown(half)
