"""An instance with thousands of WebSockets that hardly say anything, as `python -m lib.instance.quiet ADDRESS PORT`.

It agrees to every upgrade and sends back every byte of a frame as it came, but unmasked; nothing is kept.
"""

import asyncio
import sys

from lib.instance.frames import frame, masked
from lib.instance.rogue import switching


class Quiet(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._came = b""
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._came += data
        if not self._upgraded:
            head, end, self._came = self._came.partition(b"\r\n\r\n")
            if not end:
                self._came = head
                return
            self._upgraded = True
            self._send(switching(head))
        while len(self._came) >= 6 and len(self._came) >= 6 + (size := self._came[1] & 0x7F):
            opcode, payload = self._came[0] & 0x0F, masked(self._came[6 : 6 + size], self._came[2:6])
            self._came = self._came[6 + size :]
            self._send(frame(opcode, payload, mask=None))

    def _send(self, raw: bytes) -> None:
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(raw)


async def main() -> None:
    """Serve until stopped."""
    server = await asyncio.get_running_loop().create_server(Quiet, sys.argv[1], int(sys.argv[2]), backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
