"""What a notebook page does: kernels, terminals and files of one Jupyter server, over HTTP and WebSocket."""

import base64
import json
import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

import httpx
import websocket

V1 = "v1.kernel.websocket.jupyter.org"
_PATIENCE = 60


@dataclass
class Outcome:
    """What one cell came to."""

    status: str = ""
    streams: list[str] = field(default_factory=list)
    result: str = ""
    error: str = ""
    frames: int = 0

    @property
    def text(self) -> str:
        """All that it printed."""
        return "".join(self.streams)


class JupyterClient:
    """One person's page, at `site` (scheme, host, port) below `base_url`; `headers` are what proves who asks."""

    def __init__(self, site: str, base_url: str, headers: Mapping[str, str]) -> None:
        self.site = site
        self.base_url = base_url
        self.headers = dict(headers)
        self.http = httpx.Client(base_url=f"{site}{base_url}", headers=self.headers, timeout=_PATIENCE, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    # Kernels

    def start_kernel(self) -> str:
        """The id of a new kernel."""
        answer = self.http.post("api/kernels", json={"name": "python3"})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def end_kernel(self, kernel: str) -> None:
        """Shut it down."""
        assert self.http.delete(f"api/kernels/{kernel}").status_code == 204

    def kernel(self, kernel: str, protocol: str | None = V1, session: str | None = None) -> "Kernel":
        """Its channels; `protocol` is what is asked for, `None` what all servers speak."""
        session = session or str(uuid.uuid4())
        path = f"api/kernels/{kernel}/channels?session_id={session}"
        return Kernel(self.socket(path, [protocol] if protocol else []), protocol, session)

    def socket(self, path: str, protocols: Iterable[str] = ()) -> websocket.WebSocket:
        """A WebSocket below the base URL."""
        return websocket.create_connection(
            self.site.replace("http", "ws", 1) + self.base_url + path,
            header=[f"{name}: {value}" for name, value in self.headers.items()],
            subprotocols=list(protocols) or None,
            timeout=_PATIENCE,
        )

    # Terminals

    def terminal(self) -> "Terminal":
        """A new one."""
        answer = self.http.post("api/terminals")
        assert answer.status_code == 200, answer.text
        name = answer.json()["name"]
        return Terminal(self.socket(f"terminals/websocket/{name}"), name)

    # Files

    def upload(self, path: str, content: bytes) -> httpx.Response:
        """In one request, as scripts do."""
        return self._put(path, content, None)

    def upload_in_chunks(self, path: str, pieces: Iterable[bytes]) -> None:
        """In many, as JupyterLab does with what is above 1 MB."""
        left = iter(pieces)
        piece = next(left)
        for number, following in enumerate(left, 1):
            assert self._put(path, piece, number).is_success
            piece = following
        assert self._put(path, piece, -1).is_success

    def _put(self, path: str, content: bytes, chunk: int | None) -> httpx.Response:
        body: dict[str, Any] = {"type": "file", "format": "base64", "content": base64.b64encode(content).decode()}
        if chunk is not None:
            body["chunk"] = chunk
        return self.http.put(f"api/contents/{quote(path, safe='/')}", json=body)

    def download(self, path: str) -> Iterator[bytes]:
        """As a link to the file does."""
        with self.http.stream("GET", f"files/{quote(path, safe='/')}") as answer:
            assert answer.status_code == 200, answer.read()
            yield from answer.iter_bytes()


class Kernel:
    """The channels of one kernel in one session."""

    def __init__(self, socket: websocket.WebSocket, protocol: str | None, session: str) -> None:
        self.socket = socket
        self.session = session
        self.selected = socket.getsubprotocol()
        self._v1 = self.selected == V1
        self._wanted = protocol

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def run(self, code: str) -> Outcome:
        """Execute one cell, and wait until the kernel is idle again and has replied."""
        message_id = self._send("execute_request", {"code": code, "silent": False, "store_history": True})
        outcome, idle = Outcome(), False
        while not (outcome.status and idle):
            message, size = self._receive()
            if message["parent_header"].get("msg_id") != message_id:
                continue
            outcome.frames += 1
            idle |= self._note(outcome, message)
        return outcome

    @staticmethod
    def _note(outcome: Outcome, message: dict[str, Any]) -> bool:
        """Keep what it says; says whether the kernel is idle."""
        content = message["content"]
        match message["header"]["msg_type"]:
            case "stream":
                outcome.streams.append(content["text"])
            case "execute_result":
                outcome.result = content["data"]["text/plain"]
            case "error":
                outcome.error = content["ename"]
            case "execute_reply":
                outcome.status = content["status"]
            case "status":
                return bool(content["execution_state"] == "idle")
        return False

    def _send(self, kind: str, content: dict[str, Any]) -> str:
        header = {
            "msg_id": secrets.token_hex(16),
            "msg_type": kind,
            "session": self.session,
            "username": "",
            "date": "2026-01-05T12:00:00Z",
            "version": "5.3",
        }
        if self._v1:
            self.socket.send_binary(packed("shell", [header, {}, {}, content]))
        else:
            whole = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
            self.socket.send(json.dumps(whole | {"channel": "shell", "buffers": []}))
        return header["msg_id"]

    def _receive(self) -> tuple[dict[str, Any], int]:
        opcode, raw = self.socket.recv_data()
        assert opcode in (1, 2), f"closed: {raw[:200]!r}"
        return (unpacked(raw) if self._v1 else json.loads(raw)), len(raw)


def packed(channel: str, parts: list[dict[str, Any]]) -> bytes:
    """A message as `v1.kernel.websocket.jupyter.org` has it: how many offsets, the offsets, and what they point to."""
    body = [channel.encode(), *(json.dumps(part).encode() for part in parts)]
    offsets = [8 * (2 + len(body))]
    for part in body:
        offsets.append(offsets[-1] + len(part))
    return b"".join(number.to_bytes(8, "little") for number in (len(offsets), *offsets)) + b"".join(body)


def unpacked(raw: bytes) -> dict[str, Any]:
    """The reverse."""
    count = int.from_bytes(raw[:8], "little")
    offsets = [int.from_bytes(raw[at : at + 8], "little") for at in range(8, 8 * (count + 1), 8)]
    parts = [raw[start:end] for start, end in zip(offsets, offsets[1:], strict=False)]
    names = ("header", "parent_header", "metadata", "content")
    return {name: json.loads(part) for name, part in zip(names, parts[1:5], strict=True)}


class Terminal:
    """A shell on the instance."""

    def __init__(self, socket: websocket.WebSocket, name: str) -> None:
        self.socket = socket
        self.name = name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def run(self, command: str, until: str) -> str:
        """Type a command; all that is shown until `until` is."""
        self.socket.send(json.dumps(["stdin", f"{command}\r"]))
        shown = ""
        while until not in shown:
            kind, *rest = json.loads(self.socket.recv())
            if kind == "stdout":
                shown += rest[0]
        return shown
