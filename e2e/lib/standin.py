"""A small HTTP server for what has no implementation to run: its own thread, a log, and one function that answers."""

import json
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lib.bench import Bench
from lib.ports import free_port


@dataclass
class Request:
    """What a stand-in looks at."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Any
    body: bytes = b""

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]


@dataclass
class Answer:
    """What it says; a body that is not bytes goes out as JSON."""

    status: int
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> tuple[bytes, dict[str, str]]:
        """Body and headers as they go out."""
        if isinstance(self.body, bytes):
            return self.body, self.headers
        return json.dumps(self.body).encode(), {"Content-Type": "application/json;charset=UTF-8"} | self.headers


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # many may ask at once; a connection beyond the queue would have to wait a second


class StandIn(ABC):
    """Subclasses say what is answered; this says how it is served."""

    def __init__(self, bench: Bench, name: str) -> None:
        self.port = free_port()
        self.name = name
        self._log = bench.log(name)
        self._server = self._listen()

    def _listen(self) -> ThreadingHTTPServer:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                target = urlsplit(self.path)
                query = parse_qs(target.query, keep_blank_values=True)
                answer = stand_in.answer(Request(self.command, target.path, query, self.headers, asked))
                body, headers = answer.encoded()
                self.send_response(answer.status)
                for header, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(header, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
                with stand_in._log.open("a") as log:
                    log.write(format % arguments + "\n")

        server = _Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), name=self.name, daemon=True).start()
        return server

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """Answer one request; called from many threads."""

    def close(self) -> None:
        """Stop serving: connections are refused."""
        self._server.shutdown()
        self._server.server_close()

    def open_again(self) -> None:
        """Serve again on the same port."""
        self._server = self._listen()
