"""The bare HTTP/1.1 server under the soak's stand-ins: exact about what it writes, and able to break every rule."""

import asyncio
import json
import socket
import struct
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit


_SEND_BUFFER = 128 * 1024


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    """Names in lower case."""
    head: bytes
    body: bytes


class Server(ABC):
    """Serves on one port until the process ends; `/-/report` tells the test what was seen."""

    def __init__(self) -> None:
        self.open = 0
        self.busy = 0
        self.requests = 0

    @abstractmethod
    async def answer(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Write an answer; says whether the connection goes on."""

    def report(self) -> dict[str, object]:
        """What the test is told."""
        return {"open": self.open, "busy": self.busy, "requests": self.requests}

    async def serve(self, port: int) -> None:
        """Serve for ever."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", port, backlog=4096)
        await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        # Else the system takes megabytes of a body that nobody reads yet, and this process is busy with nothing else.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        try:
            while (asked := await _read(reader)) and await self._one(asked, reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side went away, as it may
        finally:
            self.open -= 1
            writer.close()

    async def _one(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if asked.path == "/-/report":
            self.open -= 1  # the question itself
            writer.write(plain(200, json.dumps(self.report()).encode(), "Connection: close"))
            self.open += 1
            await writer.drain()
            return False
        self.requests += 1
        self.busy += 1
        try:
            return await self.answer(asked, reader, writer)
        finally:
            self.busy -= 1


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def plain(status: int, body: bytes, *headers: str) -> bytes:
    """An answer with a length."""
    lines = [f"HTTP/1.1 {status} Soak", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise
        return None
    first, *fields = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (field.split(":", 1) for field in fields)
    headers = {name.lower(): value.strip() for name, value in pairs}
    url = urlsplit(target)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    if "transfer-encoding" in headers:
        body = await _chunks(reader)
    return Asked(method, url.path, parse_qs(url.query), headers, head, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(parts)


def main(server: Server) -> None:
    """Run as a process of its own: the port is the first argument."""
    asyncio.run(server.serve(int(sys.argv[1])))
