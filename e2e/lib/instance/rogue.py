"""An instance whose root is an enemy: it reads what it is sent, and answers whatever it likes."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from lib.bench import Bench
from lib.instance.frames import Ended, Wire, accept
from lib.leaks import Ledger

Behaviour = Callable[[Wire, bytes], None]
"""Given the connection and the head that came on it; the connection ends when it returns."""


class Rogue:
    """Listens where a route leads on one address."""

    def __init__(self, bench: Bench, ledger: Ledger, address: str, port: int) -> None:
        self.address = address
        self.port = port
        self.behaviour: Behaviour = refuse
        self.heads: list[bytes] = []
        self.open = 0
        self._records: list[bytearray] = []
        self._lock = threading.Lock()
        name = f"rogue {address}:{port}"
        self._listener = socket.create_server((address, port), backlog=1024)
        ledger.upstream_saw(name, lambda: [*self._records])
        threading.Thread(target=self._accept, name=name, daemon=True).start()

    @property
    def saw(self) -> bytes:
        """All that ever came."""
        return b"\n".join(bytes(record) for record in self._records)

    @property
    def connections(self) -> int:
        """How many ever came."""
        return len(self._records)

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # else the thread that accepts keeps it open
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        record = bytearray()
        with self._lock:
            self._records.append(record)
            self.open += 1
        wire = _Recording(sock, record)
        try:
            head = wire.until(b"\r\n\r\n")
            self.heads.append(head)
            self.behaviour(wire, head)
        except (Ended, OSError):
            pass  # the other side went away, as it may
        finally:
            with self._lock:
                self.open -= 1
            wire.close()


class _Recording(Wire):
    """Keeps what it reads."""

    def __init__(self, sock: socket.socket, record: bytearray) -> None:
        super().__init__(sock)
        self._record = record

    def _more(self) -> None:
        before = len(self._ahead)
        super()._more()
        self._record += self._ahead[before:]


# Behaviours


def field(head: bytes, name: str) -> str | None:
    """The value of a field of a request."""
    for line in head.decode("latin-1").split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name.lower():
            return value.strip()
    return None


def target(head: bytes) -> str:
    """What was asked for."""
    return head.split(b" ", 2)[1].decode("latin-1")


def refuse(wire: Wire, _: bytes) -> None:
    """Nothing but 404."""
    wire.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


def raw(*pieces: bytes, then: Callable[[Wire], object] = lambda _: None) -> Behaviour:
    """These bytes; `then` what follows, before the connection ends."""

    def behave(wire: Wire, _: bytes) -> None:
        wire.send(*pieces)
        then(wire)

    return behave


def answer(*lines: str, status: str = "200 OK", body: bytes = b"ok") -> Behaviour:
    """A whole answer with these fields, and the connection kept for more of the same."""
    first = [f"HTTP/1.1 {status}", *lines, f"Content-Length: {len(body)}"]
    whole = "\r\n".join(first).encode("latin-1") + b"\r\n\r\n" + body

    def behave(wire: Wire, _: bytes) -> None:
        while True:
            wire.send(whole)
            wire.until(b"\r\n\r\n")

    return behave


def switching(head: bytes, *lines: str) -> bytes:
    """The head of a 101 that agrees."""
    fields = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"]
    key = field(head, "sec-websocket-key")
    assert key is not None, head
    return "\r\n".join([*fields, f"Sec-WebSocket-Accept: {accept(key)}", *lines, "", ""]).encode("latin-1")


def socket_that(*lines: str, does: Callable[[Wire], object]) -> Behaviour:
    """Agrees to an upgrade, with these fields besides; then does this."""

    def behave(wire: Wire, head: bytes) -> None:
        wire.send(switching(head, *lines))
        does(wire)

    return behave


def stay(wire: Wire) -> None:
    """Read until the other side ends."""
    wire.socket.settimeout(None)
    wire.rest()


def sends(raw_bytes: bytes) -> Callable[[Wire], None]:
    """Say this, and then nothing."""

    def send(wire: Wire) -> None:
        wire.send(raw_bytes)
        stay(wire)

    return send


def linger(seconds: float) -> Callable[[Wire], None]:
    """Keep the connection for so long, or until the other side ends it."""

    def wait(wire: Wire) -> None:
        wire.socket.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            wire.rest()

    return wait


def without_end(piece: bytes, pause: float = 0) -> Callable[[Wire], None]:
    """This again and again, until nobody takes it any more."""

    def pour(wire: Wire) -> None:
        wire.socket.settimeout(60)
        while True:
            wire.send(piece)
            time.sleep(pause)

    return pour
