"""A strict WebSocket server that echoes, for the conformance cases: `python -m lib.instance.echo ADDRESS PORT`.

It selects the first sub-protocol of its own list that it is offered, unless the path says another (`/choose/NAME`), and
speaks `permessage-deflate` to who asks for it.
"""

import asyncio
import sys
from collections.abc import Sequence

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

OWN = ("v1.kernel.websocket.jupyter.org", "echo.example.org", "chat")
_LARGEST = 1 << 28


async def echo(connection: ServerConnection) -> None:
    """Every message back, in one frame."""
    try:
        async for message in connection:
            await connection.send(message)
    except ConnectionClosed:
        pass  # the other side broke a rule or went away: both are what is tried here


def choose(connection: ServerConnection, offered: Sequence[str]) -> str | None:
    """As the path or else as the own list says."""
    assert connection.request is not None
    _, found, name = connection.request.path.partition("/choose/")
    if found:
        return name if name in offered else None
    return next((own for own in OWN if own in offered), None)


async def main() -> None:
    """Serve until stopped."""
    server = serve(
        echo,
        sys.argv[1],
        int(sys.argv[2]),
        select_subprotocol=choose,  # type: ignore[arg-type]
        max_size=_LARGEST,
        ping_interval=None,
        close_timeout=5,
    )
    async with server as serving:
        await serving.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
