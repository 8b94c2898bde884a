"""A caller that tidies up nothing: HTTP/1.1 on one connection, strict about where an answer ends."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

PATIENCE = 40.0
"""Longer than any deadline of the service under test: what takes longer is stuck."""


class Cut(Exception):
    """The connection ended before the answer did."""


@dataclass(frozen=True)
class Answer:
    """An answer that came whole."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    head: bytes

    @property
    def goes_on(self) -> bool:
        """Whether another request may follow on the connection."""
        return "close" not in self.headers.get("connection", "")


class Connection:
    """One connection to the service."""

    def __init__(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._port = port
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, receive_buffer: int | None = None) -> Self:
        """Connect; a small `receive_buffer` makes a slow reader of it."""
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=sock)
        return cls(port, reader, writer)

    def close(self) -> None:
        """At once, whatever is under way."""
        self._writer.transport.abort()

    async def send(self, method: str, target: str, token: str | None, body: bytes | None = None) -> None:
        """Send a request."""
        self._writer.write(request(self._port, method, target, token, body))
        await self._writer.drain()

    async def ask(self, method: str, target: str, token: str | None, body: bytes | None = None) -> Answer:
        """Send a request, and read the answer to its end."""
        async with asyncio.timeout(PATIENCE):
            with _cut():
                await self.send(method, target, token, body)
                return await self.answer(method)

    async def answer(self, method: str) -> Answer:
        """Read an answer to its end."""
        status, headers, head = await self.answer_head()
        pieces = [piece async for piece in self.pieces(method, status, headers)]
        return Answer(status, headers, b"".join(pieces), head)

    async def answer_head(self) -> tuple[int, dict[str, str], bytes]:
        """Status and fields of the next answer, interim ones passed over."""
        with _cut():
            while True:
                head = await self._reader.readuntil(b"\r\n\r\n")
                first, *fields = head.decode("latin-1").rstrip("\r\n").split("\r\n")
                status = int(first.split(" ", 2)[1])
                if status >= 200:
                    pairs = (field.split(":", 1) for field in fields)
                    return status, {name.lower(): value.strip() for name, value in pairs}, head

    async def pieces(self, method: str, status: int, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
        """The body as it comes; `Cut` if it does not come whole."""
        if method == "HEAD" or status in (204, 304):
            return
        with _cut():
            if "transfer-encoding" in headers:
                while size := int(await self._reader.readuntil(b"\r\n"), 16):
                    yield await self._reader.readexactly(size)
                    await self._reader.readexactly(2)
                await self._reader.readexactly(2)
                return
            left = int(headers["content-length"])  # a 200 to HTTP/1.1 that has neither is a failure
            while left:
                piece = await self._reader.read(min(left, 1 << 20))
                if not piece:
                    raise Cut("the connection ended regularly before the body did")
                left -= len(piece)
                yield piece


@contextlib.contextmanager
def _cut() -> Iterator[None]:
    try:
        yield
    except (ConnectionError, asyncio.IncompleteReadError) as error:
        raise Cut(repr(error)) from error


def request(port: int, method: str, target: str, token: str | None, body: bytes | None = None) -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")
