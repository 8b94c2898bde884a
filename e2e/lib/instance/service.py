"""A service that is no Jupyter: it says what it was asked; `python -m lib.instance.service ADDRESS PORT`."""

import asyncio
import hashlib
import json
import sys
from urllib.parse import parse_qsl

import tornado.web
import tornado.websocket

from lib.instance.content import blocks, content


class Echo(tornado.web.RequestHandler):
    """Method, target, fields and body of what was asked; with `?length`, only the body's length and digest."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")

    def _answer(self, *_: str) -> None:
        body = self.request.body
        self.finish(
            {
                "method": self.request.method,
                "target": self.request.uri,
                "fields": list(self.request.headers.get_all()),
                "body": body.decode("latin-1") if len(body) < 65_536 else None,
                "length": len(body),
                "sha256": hashlib.sha256(body).hexdigest(),
            }
        )

    get = head = post = put = patch = delete = options = propfind = _answer


@tornado.web.stream_request_body
class Upload(tornado.web.RequestHandler):
    """Takes a body of any size, and says its length and digest; nothing of it is kept."""

    def prepare(self) -> None:
        self.request.connection.set_max_body_size(1 << 40)  # type: ignore[union-attr]
        self._length, self._digest = 0, hashlib.sha256()

    def data_received(self, chunk: bytes) -> None:
        self._length += len(chunk)
        self._digest.update(chunk)

    def put(self, *_: str) -> None:
        self.finish({"length": self._length, "sha256": self._digest.hexdigest()})

    post = put


class Download(tornado.web.RequestHandler):
    """`?seed=…&size=…`, with a length, or with `&chunked=1` without; one `Range` is honoured."""

    async def get(self, *_: str) -> None:
        seed, size = self.get_argument("seed"), int(self.get_argument("size"))
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Accept-Ranges", "bytes")
        wanted = self.request.headers.get("Range")
        if wanted:
            first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {first}-{last}/{size}")
            self.finish(content(seed, size)[first : last + 1])
            return
        if not self.get_argument("chunked", ""):
            self.set_header("Content-Length", str(size))
        for block in blocks(seed, size):
            self.write(block)
            await self.flush()


class Events(tornado.web.RequestHandler):
    """Server-sent events, `?count=…` of them, each as soon as the caller has asked for it by `/events/next`."""

    waiting: list[asyncio.Event] = []

    async def get(self, *_: str) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        for number in range(int(self.get_argument("count"))):
            self.write(f"id: {number}\ndata: {{}}\n\n")
            await self.flush()
            turn = asyncio.Event()
            Events.waiting.append(turn)
            await turn.wait()

    def post(self, *_: str) -> None:
        while Events.waiting:
            Events.waiting.pop().set()


class Say(tornado.web.RequestHandler):
    """The query is the answer's fields, but for `status` and `body`."""

    def get(self, *_: str) -> None:
        for name, value in parse_qsl(self.request.query, keep_blank_values=True):
            if name == "status":
                self.set_status(int(value), "Said")
            elif name == "body":
                self.write(value)
            elif name == "Content-Type":
                self.set_header(name, value)
            else:
                self.add_header(name, value)


class Socket(tornado.websocket.WebSocketHandler):
    """First what was asked, as `Echo` says it; then every message back."""

    def check_origin(self, origin: str) -> bool:
        return True

    def open(self, *_: str, **__: str) -> None:
        self.write_message(json.dumps({"target": self.request.uri, "fields": list(self.request.headers.get_all())}))

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message, binary=isinstance(message, bytes))


async def main() -> None:
    """Serve until stopped."""
    routes = [("/upload", Upload), ("/download", Download), ("/events(?:/next)?", Events), ("/say", Say)]
    application = tornado.web.Application([*routes, ("/(?:socket|socket.io/.*)", Socket), ("/.*", Echo)])
    application.listen(int(sys.argv[2]), sys.argv[1], max_buffer_size=1 << 30, max_body_size=1 << 30)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
