"""WebSocket conformance through the tunnel: each case is tried without the proxy too, with one outcome."""

import zlib
from dataclasses import dataclass, field

import pytest

from lib.instance.frame_cases import DEFLATE, ENDS, Case, all_cases
from lib.instance.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PONG,
    TEXT,
    Ended,
    Frame,
    Refused,
    WebSocket,
    closing,
    connect,
    read_head,
    upgrade,
)
from lib.instance.proxy import InstanceProxy
from lib.instance.site import Service

_CASES = all_cases()


@dataclass
class Outcome:
    """What came back."""

    messages: list[tuple[int, bytes]] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    close: Frame | None = None
    after: bytes = b""
    """What came after the close frame: nothing should."""
    reset: bool = False
    extensions: str | None = None


class Reader:
    """Puts messages together again, and expands them where that was agreed on."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._begun: list[Frame] = []
        bits = 15
        for parameter in (socket.extensions or "").split(";"):
            name, _, value = parameter.strip().partition("=")
            if name == "server_max_window_bits":
                bits = int(value)
        self._bits = -bits
        self._fresh = "server_no_context_takeover" in (socket.extensions or "")
        self._expand = zlib.decompressobj(self._bits)

    def read(self, outcome: Outcome, until_messages: int, until_pongs: int) -> bool:
        """Until there is so much; says whether the connection is still open."""
        while len(outcome.messages) < until_messages or len(outcome.pongs) < until_pongs:
            one = self._socket.frame()
            assert not one.masked, "a server's frame is never masked"
            if one.opcode == CLOSE:
                outcome.close = one
                return False
            self._note(outcome, one)
        return True

    def _note(self, outcome: Outcome, one: Frame) -> None:
        if one.opcode == PONG:
            outcome.pongs.append(one.payload)
            return
        assert one.opcode in (TEXT, BINARY, CONTINUATION), one
        self._begun.append(one)
        if one.fin:
            outcome.messages.append((self._begun[0].opcode, self._whole()))
            self._begun = []

    def _whole(self) -> bytes:
        raw = b"".join(part.payload for part in self._begun)
        if not self._begun[0].rsv:
            return raw
        if self._fresh:
            self._expand = zlib.decompressobj(self._bits)
        return self._expand.decompress(raw + b"\x00\x00\xff\xff")


def _play(socket: WebSocket, case: Case) -> Outcome:
    """One case on one connection; everything that comes back."""
    outcome = Outcome(extensions=socket.extensions)
    reader = Reader(socket)
    try:
        for piece in case.sends:
            if piece:
                socket.send(piece)
            else:
                reader.read(outcome, len(case.echoes), 0)
    except (ConnectionError, BrokenPipeError):
        pass  # it has closed already, and says why
    closes_itself = case.close != ENDS or b"".join(case.sends[-1:])[:1] == b"\x88"
    wanted = 1 << 30 if closes_itself else len(case.echoes)
    try:
        if reader.read(outcome, wanted, len(case.pongs)):
            socket.send(closing(1000))
            reader.read(outcome, 1 << 30, 1 << 30)
        outcome.after = socket.rest()
    except Ended as end:
        outcome.reset = end.reset
    socket.close()
    return outcome


def _check(case: Case, outcome: Outcome) -> None:
    """As RFC 6455 has it."""
    assert outcome.messages == list(case.echoes)
    assert outcome.pongs == list(case.pongs)
    assert outcome.close is not None, f"the connection ended without a close frame (reset: {outcome.reset})"
    assert outcome.close.code == case.close
    assert outcome.after == b""


@pytest.mark.parametrize("case", _CASES, ids=[case.name for case in _CASES])
def test_conformance(case: Case, proxy: InstanceProxy, printing: Service, ada: str) -> None:
    direct = _play(upgrade(printing.direct_port, "/", at=printing.address, extensions=case.extensions), case)
    _check(case, direct)
    through = _play(proxy.socket(f"/ws/print/{printing.id}/", ada, extensions=case.extensions), case)
    _check(case, through)
    assert through.extensions == direct.extensions
    assert through.close == direct.close, "another reason than the instance gave"
    assert case.needs <= {part.strip() for part in (through.extensions or "").split(";")}


# What is agreed on before the first frame

_OFFERS = {
    "the only one": (["chat"], "/"),
    "the first": (["v1.kernel.websocket.jupyter.org", "chat"], "/"),
    "not the first": (["unknown.example.org", "chat"], "/"),
    "the server's own choice": (["chat", "echo.example.org", "v1.kernel.websocket.jupyter.org"], "/choose/chat"),
    "another choice": (["chat", "echo.example.org"], "/choose/echo.example.org"),
    "none of them": (["unknown.example.org"], "/"),
    "nothing asked for": ([], "/"),
    "with a token of Jupyter's": (
        ["v1.kernel.websocket.jupyter.org", "v1.token.websocket.jupyter.org.jupyters-own"],
        "/choose/v1.kernel.websocket.jupyter.org",
    ),
    "forty": ([f"p{number}" for number in range(40)] + ["chat"], "/"),
}


@pytest.mark.parametrize("offer", _OFFERS.values(), ids=_OFFERS)
def test_the_instance_selects_the_sub_protocol(
    offer: tuple[list[str], str], proxy: InstanceProxy, printing: Service, ada: str
) -> None:
    offered, path = offer
    direct = upgrade(printing.direct_port, path, at=printing.address, protocols=offered)
    through = proxy.socket(f"/ws/print/{printing.id}{path}", ada, protocols=offered)
    assert through.protocol == direct.protocol
    assert (through.protocol is None) == (not offered or "none" in path or offered == ["unknown.example.org"])
    for socket in (direct, through):
        socket.text("agreed")
        assert socket.message() == b"agreed"
        assert socket.end().code == 1000


def test_sub_protocols_in_several_fields_arrive(proxy: InstanceProxy, printing: Service, ada: str) -> None:
    fields = [("Sec-WebSocket-Protocol", "unknown.example.org"), ("sec-websocket-protocol", "chat")]
    assert printing.tap
    before = printing.tap.from_now()
    with proxy.socket(f"/ws/print/{printing.id}/", ada, fields) as socket:
        assert socket.protocol == "chat"
    lines = [line for line in before.sent.split(b"\r\n") if line.lower().startswith(b"sec-websocket-protocol")]
    assert b", ".join(line.split(b":", 1)[1].strip() for line in lines) == b"unknown.example.org, chat"


def test_no_extension_is_agreed_on_that_nobody_asked_for(proxy: InstanceProxy, printing: Service, ada: str) -> None:
    with proxy.socket(f"/ws/print/{printing.id}/", ada) as socket:
        assert socket.extensions is None
    with proxy.socket(f"/ws/print/{printing.id}/", ada, extensions=f"{DEFLATE}; client_max_window_bits") as socket:
        assert socket.extensions is not None
        assert socket.extensions.startswith(DEFLATE)


# What is no proper request for an upgrade

_KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
_IMPROPER = {
    "without `Connection`": (["Upgrade: websocket", "Sec-WebSocket-Version: 13", _KEY], {400, 426}),
    "another protocol": (
        ["Connection: Upgrade", "Upgrade: h2c", "Sec-WebSocket-Version: 13", _KEY],
        {200, 400, 426, 501},
    ),
    "version 8": (["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 8", _KEY], {400, 426}),
    "without a key": (["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"], {400, 426}),
    "two keys": (["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", _KEY, _KEY], {400, 426}),
    "a body": (
        ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", _KEY, "Content-Length: 5"],
        {400},
    ),
}


@pytest.mark.parametrize(("fields", "allowed"), _IMPROPER.values(), ids=_IMPROPER)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_improper_upgrade_opens_no_tunnel(
    method: str, fields: list[str], allowed: set[int], proxy: InstanceProxy, printing: Service, ada: str
) -> None:
    status, rest = _ask_raw(proxy, f"{method} /ws/print/{printing.id}/ HTTP/1.1", fields, ada)
    assert status in allowed | ({400, 405, 426, 501} if method == "POST" else set())
    assert b"HTTP/1.1 101" not in rest


@pytest.mark.parametrize("line", ["GET {} HTTP/1.0", "POST {} HTTP/1.1", "PUT {} HTTP/1.1"])
def test_only_get_and_http_1_1_are_upgraded(line: str, proxy: InstanceProxy, printing: Service, ada: str) -> None:
    fields = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", _KEY]
    status, rest = _ask_raw(proxy, line.format(f"/ws/print/{printing.id}/"), fields, ada)
    assert 400 <= status < 500
    assert b"101 Switching" not in rest


def _ask_raw(proxy: InstanceProxy, line: str, fields: list[str], token: str) -> tuple[int, bytes]:
    with connect(proxy.port) as wire:
        lines = [line, f"Host: 127.0.0.1:{proxy.port}", f"Authorization: Bearer {token}", *fields]
        smuggled = b"GET /ws/print/1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
        wire.send("\r\n".join(lines).encode() + b"\r\n\r\n" + smuggled)
        head = read_head(wire)
        wire.socket.settimeout(2)
        try:
            return head.status, wire.rest()
        except TimeoutError:
            return head.status, b""


def test_an_entry_without_ws_opens_no_tunnel(proxy: InstanceProxy, files: Service, ada: str) -> None:
    assert files.tap
    before = len(files.tap.sent)
    with pytest.raises(Refused) as refused:
        proxy.socket(f"/visafs/{files.id}/socket", ada)
    assert 400 <= refused.value.status < 500
    assert len(files.tap.sent) == before
