"""A wiretap that ends TLS and begins it anew: what is recorded can be read."""

import asyncio
import contextlib
import ssl

from lib.wiretap import Exchange, Wiretap


class TlsWiretap(Wiretap):
    """Shows callers the certificate of `near`, and asks the target as `far` says."""

    def __init__(self, name: str, target: int, near: ssl.SSLContext, far: ssl.SSLContext) -> None:
        self._near = near
        self._far = far
        self._loop = asyncio.new_event_loop()
        super().__init__(name, target)
        self.url = f"https://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop listening; what was recorded stays."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _accept(self) -> None:
        """One thread for all connections: both directions of a TLS connection share a state."""
        asyncio.set_event_loop(self._loop)
        serve = asyncio.start_server(self._converse, sock=self._listener, ssl=self._near)
        server = self._loop.run_until_complete(serve)
        self._loop.run_forever()
        server.close()

    async def _converse(self, near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        try:
            far_reader, far = await asyncio.open_connection(
                "127.0.0.1", self.target, ssl=self._far, server_hostname="127.0.0.1"
            )
        except OSError:
            near.transport.abort()
            return
        exchange = Exchange()
        self._exchanges.append(exchange)
        pumps = {
            asyncio.create_task(_pump(near_reader, far, exchange.sent)),
            asyncio.create_task(_pump(far_reader, near, exchange.received)),
        }
        # TLS has no half that ends: when one side is done, so is the connection.
        done, pending = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pending:
            pump.cancel()
        cut = any(pump.exception() for pump in done)
        for writer in (near, far):
            await _end(writer, cut)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, record: bytearray) -> None:
    while chunk := await source.read(65_536):
        record += chunk
        sink.write(chunk)
        await sink.drain()


async def _end(writer: asyncio.StreamWriter, cut: bool) -> None:
    """Let what was written go out, unless the other side broke off: then this one breaks off too."""
    if cut:
        writer.transport.abort()
        return
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
