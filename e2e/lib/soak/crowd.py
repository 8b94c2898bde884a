"""Thousands of slow or idle connections, at next to no cost to the generator: bare sockets, looked at in turns."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from lib.soak.bodies import Wanted
from lib.soak.client import request
from lib.soak.load import Plan
from lib.soak.tokens import user_name

_AT_ONCE = 200
"""Connections that are opened at the same time: fewer than the service's backlog."""
_BITE = 4096
_SLOW = 4_000_000
"""Bytes of a body that a slow reader asks for: more than all buffers on its way hold."""


async def in_batches(count: int, one: Callable[[int], Coroutine[None, None, None]]) -> None:
    """Do `one` for each number, some at the same time."""
    for first in range(0, count, _AT_ONCE):
        await asyncio.gather(*(one(number) for number in range(first, min(first + _AT_ONCE, count))))


async def _connect(port: int, receive_buffer: int | None = None) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return sock


def _ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@dataclass
class Idle:
    """Callers who have asked once, and keep the connection."""

    port: int
    target: str
    tokens: list[str]
    open: list[socket.socket] = field(default_factory=list)

    async def come(self, count: int) -> None:
        """Open so many."""

        async def one(number: int) -> None:
            loop = asyncio.get_running_loop()
            sock = await _connect(self.port)
            token = self.tokens[number % len(self.tokens)]
            await loop.sock_sendall(sock, request(self.port, "GET", self.target, token))
            answer = await loop.sock_recv(sock, 4096)
            assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]
            self.open.append(sock)

        await in_batches(count, one)

    def ended(self) -> int:
        """How many of them the service has closed."""
        return sum(map(_ended, self.open))


@dataclass
class SlowHeads:
    """Callers who send a head byte by byte; whoever is hung up on comes again."""

    port: int
    open: dict[socket.socket, float] = field(default_factory=dict)
    lifetimes: list[float] = field(default_factory=list)

    async def come(self, count: int) -> None:
        """Open so many."""

        async def one(_: int) -> None:
            sock = await _connect(self.port)
            self.open[sock] = time.monotonic()
            with contextlib.suppress(ConnectionError):
                sock.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")

        await in_batches(count, one)

    async def turn(self) -> None:
        """A byte from each; those who were hung up on are replaced."""
        ended = [sock for sock in self.open if _ended(sock)]
        for sock in ended:
            self.lifetimes.append(time.monotonic() - self.open.pop(sock))
            sock.close()
        for sock in self.open:
            with contextlib.suppress(ConnectionError, BlockingIOError):
                sock.send(b"x")
        await self.come(len(ended))


@dataclass
class SlowReaders:
    """Callers who take a large body a few kilobytes at a time."""

    port: int
    tokens: list[str]
    open: list[socket.socket] = field(default_factory=list)
    taken: list[bytearray] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)

    async def come(self, count: int) -> None:
        """Open so many."""

        async def one(number: int) -> None:
            user = number % len(self.tokens)
            wanted = Wanted(user_name(user), number, _SLOW, "stream")
            sock = await _connect(self.port, receive_buffer=4096)
            target = Plan(wanted).target()
            await asyncio.get_running_loop().sock_sendall(sock, request(self.port, "GET", target, self.tokens[user]))
            self.open.append(sock)
            self.taken.append(bytearray())
            self.wanted.append(wanted)

        await in_batches(count, one)

    async def turn(self) -> None:
        """A few for each."""
        for sock, taken in zip(self.open, self.taken):
            with contextlib.suppress(BlockingIOError, ConnectionError):
                taken += sock.recv(_BITE)
        await asyncio.sleep(0)

    def wrong(self) -> list[str]:
        """Who was given anything but the beginning of their own body, or was hung up on."""
        found = []
        for sock, taken, wanted in zip(self.open, self.taken, self.wanted, strict=True):
            head, _, body = bytes(taken).partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200 ") or not wanted.blocks()[0].startswith(body[:32_000]):
                found.append(f"{wanted.user}: {bytes(taken[:100])!r}")
            elif _ended(sock):
                found.append(f"{wanted.user}: hung up on")
        return found


def hang_up(*crowds: Idle | SlowHeads | SlowReaders) -> None:
    """All go."""
    for crowd in crowds:
        for sock in crowd.open:
            sock.close()
        crowd.open.clear()
