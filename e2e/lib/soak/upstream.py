"""Stand-in for a Jira that can be broken in every way: answers what the query wants, notes what it should not see.

No real one breaks on request. Faults: `none`, `hints` (103 first), `pause` (in the middle of the body), `cut` (half a
body), `reset` (before the head), `extra` (a second answer together with the first), `late` (the same a moment later),
`stale` (the connection ends unannounced after the answer).
"""

import asyncio
import os
import random

from lib.soak.bodies import BLOCK, Wanted
from lib.soak.server import Asked, Server, main, reset

_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"


class Upstream(Server):
    """Knows the one `Authorization` that it may see, and its own address, which it writes into links."""

    def __init__(self, authorization: str, base: str) -> None:
        super().__init__()
        self._authorization = authorization
        self._base = base
        self._violations: list[str] = []

    def report(self) -> dict[str, object]:
        return super().report() | {"violations": self._violations}

    async def answer(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """As wanted."""
        self._look(asked)
        wanted = Wanted.read(asked.query)
        if wanted.delay and wanted.fault != "pause" and await _gone(reader, wanted.delay):
            return False
        if wanted.fault == "reset":
            reset(writer)
            return False
        if wanted.fault == "hints":
            writer.write(_HINTS)
        if wanted.fault == "extra":
            writer.write(2 * self._whole(wanted))  # in one piece: sent a moment later, it would be `late`
            await writer.drain()
            return True
        parts = [asked.body] if wanted.kind == "echo" else self._parts(wanted)
        await self._write(wanted, parts, asked.method == "HEAD", writer)
        return await self._after(wanted, writer)

    def _look(self, asked: Asked) -> None:
        """Nothing but the bot's credential may come."""
        if asked.headers.get("authorization") != self._authorization:
            self._violations.append("a request without the bot's credential, or with another")
        if b"bearer" in asked.head.lower() or b"cookie:" in asked.head.lower() or b"eyJ" in asked.head:
            self._violations.append("a request with a credential of the caller's")

    def _parts(self, wanted: Wanted) -> list[bytes]:
        return wanted.blocks() if wanted.kind == "stream" else [wanted.body(self._base)]

    async def _write(self, wanted: Wanted, parts: list[bytes], head_only: bool, writer: asyncio.StreamWriter) -> None:
        total = sum(map(len, parts))
        left = total // 2 if wanted.fault == "cut" else total
        pause = wanted.delay if wanted.fault == "pause" else 0
        writer.write(_head(wanted, total))
        if head_only:
            return await writer.drain()
        for part in parts:
            for start in range(0, min(len(part), left), BLOCK):
                piece = part[start : start + min(BLOCK, left)]
                left -= len(piece)
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if wanted.framing == "chunked" else piece)
                await writer.drain()
                await asyncio.sleep(pause)
                pause = 0
        if wanted.framing == "chunked" and wanted.fault != "cut":
            writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _after(self, wanted: Wanted, writer: asyncio.StreamWriter) -> bool:
        """What comes after the answer; says whether the connection goes on."""
        match wanted.fault:
            case "cut" if wanted.framing == "close":
                reset(writer)  # a regular end would be the body's end
            case "late":
                await asyncio.sleep(random.uniform(0, 0.003))
                writer.write(self._whole(wanted))
        await writer.drain()
        return wanted.framing != "close" and wanted.fault not in ("cut", "stale")

    def _whole(self, wanted: Wanted) -> bytes:
        """Head and body, with a length."""
        body = wanted.body(self._base)
        return _head(wanted, len(body)) + body


def _head(wanted: Wanted, length: int) -> bytes:
    fields = {
        "length": f"Content-Length: {length}",
        "chunked": "Transfer-Encoding: chunked",
        "close": "Connection: close",
    }
    encoding = "Content-Encoding: gzip\r\n" if wanted.kind == "gzip" else ""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {wanted.media_type()}\r\n{encoding}{fields[wanted.framing]}\r\n\r\n"
    return head.encode()


async def _gone(reader: asyncio.StreamReader, delay: float) -> bool:
    """Wait; says whether the other side went away meanwhile."""
    try:
        async with asyncio.timeout(delay):
            return await reader.read(1) == b""
    except TimeoutError:
        return False


if __name__ == "__main__":
    main(Upstream(os.environ["SOAK_AUTHORIZATION"], os.environ["SOAK_BASE"]))
