"""WebSocket as bytes: frames made and read by hand, right or wrong, and a caller that tidies up nothing (RFC 6455)."""

import base64
import hashlib
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PATIENCE = 20.0


@dataclass(frozen=True)
class Frame:
    """One frame, as it was read."""

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    masked: bool = False

    @property
    def code(self) -> int:
        """Of a close frame: its code, 1005 if it has none."""
        return int.from_bytes(self.payload[:2]) if len(self.payload) >= 2 else 1005

    @property
    def reason(self) -> str:
        """Of a close frame."""
        return self.payload[2:].decode()


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x37\xfa\x21\x3d",
    length_bytes: int | None = None,
) -> bytes:
    """The bytes of a frame, masked as a caller's unless `mask` is `None`; `length_bytes` (0, 2, 8) may be too many."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    size = len(payload)
    if length_bytes is None:
        length_bytes = 0 if size < 126 else 2 if size < 65_536 else 8
    short = {0: size, 2: 126, 8: 127}[length_bytes]
    head += bytes([short | (0x80 if mask is not None else 0)]) + size.to_bytes(length_bytes or 1)[-length_bytes or 1 :]
    if mask is None:
        return head + payload
    return head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """Each byte with the mask's; twice gives the payload again."""
    size = len(payload)
    key = int.from_bytes((mask * (size // 4 + 1))[:size])
    return (int.from_bytes(payload) ^ key).to_bytes(size)


def closing(code: int | None = 1000, reason: bytes = b"", mask: bytes | None = b"\x01\x02\x03\x04") -> bytes:
    """The bytes of a close frame."""
    return frame(CLOSE, struct.pack(">H", code) + reason if code is not None else b"", mask=mask)


class Ended(Exception):
    """The other side ended the connection; `reset` if by RST."""

    def __init__(self, reset: bool) -> None:
        super().__init__("reset" if reset else "end of file")
        self.reset = reset


class Wire:
    """A socket and what was read from it ahead."""

    def __init__(self, sock: socket.socket, ahead: bytes = b"") -> None:
        self.socket = sock
        self.socket.settimeout(PATIENCE)
        self._ahead = bytearray(ahead)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """FIN, or RST if something was left unread."""
        self.socket.close()

    def reset(self) -> None:
        """RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        """One write for each piece."""
        for piece in pieces:
            self.socket.sendall(piece)

    def exactly(self, size: int) -> bytes:
        """So many bytes."""
        while len(self._ahead) < size:
            self._more()
        taken = bytes(self._ahead[:size])
        del self._ahead[:size]
        return taken

    def until(self, end: bytes) -> bytes:
        """All up to and with `end`."""
        while (at := self._ahead.find(end)) < 0:
            self._more()
        return self.exactly(at + len(end))

    def rest(self) -> bytes:
        """All up to the end of the connection, whichever way it ends."""
        try:
            while True:
                self._more()
        except Ended:
            return self.exactly(len(self._ahead))

    def _more(self) -> None:
        try:
            chunk = self.socket.recv(262_144)
        except (ConnectionError, BrokenPipeError):
            raise Ended(reset=True) from None
        if not chunk:
            raise Ended(reset=False)
        self._ahead += chunk

    def frame(self) -> Frame:
        """The next frame."""
        first, second = self.exactly(2)
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(self.exactly(2 if size == 126 else 8))
        mask = self.exactly(4) if second & 0x80 else b""
        payload = self.exactly(size)
        payload = masked(payload, mask) if mask else payload
        return Frame(first & 0x0F, payload, bool(first & 0x80), first >> 4 & 7, bool(mask))

    def frames(self, until: int) -> list[Frame]:
        """Frames up to and with one of this opcode."""
        found = [self.frame()]
        while found[-1].opcode != until:
            found.append(self.frame())
        return found

    def closed(self) -> Frame:
        """Data frames are passed over; then a close frame must come."""
        return self.frames(CLOSE)[-1]

    def message(self) -> bytes:
        """The next message, whole; pings and pongs are passed over. A close frame is not expected."""
        payload = b""
        while True:
            one = self.frame()
            assert one.opcode != CLOSE, f"closed: {one.code} {one.payload[2:]!r}"
            if one.opcode in (PING, PONG):
                continue
            payload += one.payload
            if one.fin:
                return payload


@dataclass(frozen=True)
class Head:
    """The head of an answer."""

    status: int
    fields: list[tuple[str, str]]
    raw: bytes

    def all(self, name: str) -> list[str]:
        """Every value of a field."""
        return [value for field, value in self.fields if field.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """The value of a field that is there once, or not at all."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None


def read_head(wire: Wire) -> Head:
    """The head of the next answer, whatever its status."""
    raw = wire.until(b"\r\n\r\n")
    first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Head(int(first.split(" ", 2)[1]), [(name, value.strip()) for name, _, value in pairs], raw)


def body_of(wire: Wire, head: Head) -> bytes:
    """The body that belongs to this head."""
    if "chunked" in (head.get("transfer-encoding") or ""):
        body = b""
        while size := int(wire.until(b"\r\n"), 16):
            body += wire.exactly(size)
            wire.exactly(2)
        wire.exactly(2)
        return body
    length = head.get("content-length")
    return wire.exactly(int(length)) if length is not None else wire.rest()


class Refused(Exception):
    """An upgrade was answered with plain HTTP."""

    def __init__(self, head: Head, body: bytes) -> None:
        super().__init__(f"{head.status} {body[:300]!r}")
        self.head = head
        self.status = head.status
        self.body = body


def connect(port: int, host: str = "127.0.0.1", receive_buffer: int | None = None) -> Wire:
    """A bare connection."""
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(PATIENCE)
    sock.connect((host, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Wire(sock)


def handshake(
    path: str,
    fields: Iterable[tuple[str, str]] = (),
    *,
    protocols: Sequence[str] = (),
    extensions: str | None = None,
    key: str = "dGhlIHNhbXBsZSBub25jZQ==",
    host: str = "127.0.0.1",
) -> bytes:
    """The bytes of a request for an upgrade."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
    ]
    if protocols:
        lines.append(f"Sec-WebSocket-Protocol: {', '.join(protocols)}")
    if extensions:
        lines.append(f"Sec-WebSocket-Extensions: {extensions}")
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class WebSocket(Wire):
    """An upgraded connection, and what was agreed on."""

    def __init__(self, wire: Wire, head: Head) -> None:
        super().__init__(wire.socket, bytes(wire._ahead))
        self.head = head

    @property
    def protocol(self) -> str | None:
        """The sub-protocol that was selected."""
        return self.head.get("sec-websocket-protocol")

    @property
    def extensions(self) -> str | None:
        """The extensions that were agreed on."""
        return self.head.get("sec-websocket-extensions")

    def text(self, text: str) -> None:
        """Send a message."""
        self.send(frame(TEXT, text.encode(), mask=os.urandom(4)))

    def binary(self, payload: bytes) -> None:
        """Send a message."""
        self.send(frame(BINARY, payload, mask=os.urandom(4)))

    def end(self, code: int = 1000) -> Frame:
        """Close politely; returns the other side's close frame."""
        self.send(closing(code))
        answer = self.closed()
        self.close()
        return answer


def upgrade(
    port: int,
    path: str,
    fields: Iterable[tuple[str, str]] = (),
    *,
    at: str = "127.0.0.1",
    receive_buffer: int | None = None,
    protocols: Sequence[str] = (),
    extensions: str | None = None,
    host: str | None = None,
) -> WebSocket:
    """Connect and upgrade, or `Refused`; `host` is the field `Host`, else what was connected to."""
    key = base64.b64encode(os.urandom(16)).decode()
    wire = connect(port, at, receive_buffer)
    named = host or f"{at}:{port}"
    wire.send(handshake(path, fields, protocols=protocols, extensions=extensions, key=key, host=named))
    try:
        head = read_head(wire)
        if head.status != 101:
            raise Refused(head, body_of(wire, head))
    except BaseException:
        wire.close()
        raise
    assert head.get("sec-websocket-accept") == accept(key), head.raw
    return WebSocket(wire, head)


def accept(key: str) -> str:
    """What proves that the other side has read the key."""
    return base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()
