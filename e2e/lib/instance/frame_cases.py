"""The cases of WebSocket conformance: what a caller sends, and what a server that keeps to RFC 6455 answers.

After the plan of the Autobahn|Testsuite (which is for Python 2.7), with its numbers where a case has one there.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from lib.instance.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, closing, frame

DEFLATE = "permessage-deflate"
_TAIL = b"\x00\x00\xff\xff"
ENDS = 1000
"""The caller closes in the end, and the server agrees."""


@dataclass(frozen=True)
class Case:
    """Bytes, one write for each piece, and what comes back."""

    name: str
    sends: tuple[bytes, ...]
    """An empty one: wait until the messages have come back. A server may drop them if a rule is broken behind them."""
    echoes: tuple[tuple[int, bytes], ...] = ()
    """Messages that come back, in this order."""
    pongs: tuple[bytes, ...] = ()
    """Pongs that come back, in this order."""
    close: int = ENDS
    """The code of the server's close frame: anything but `ENDS` means that the server closes by itself."""
    extensions: str | None = None
    """What the caller asks for."""
    needs: frozenset[str] = field(default=frozenset())
    """Parameters that the server's answer must have."""


def all_cases() -> list[Case]:
    """Every one; names differ."""
    cases = [
        *_messages(),
        *_pings(),
        *_reserved(),
        *_opcodes(),
        *_fragments(),
        *_texts(),
        *_closes(),
        *_masks_and_lengths(),
        *_many(),
        *_compressed(),
    ]
    assert len({case.name for case in cases}) == len(cases)
    return cases


def _chopped(raw: bytes, size: int) -> tuple[bytes, ...]:
    return tuple(raw[at : at + size] for at in range(0, len(raw), size))


def _messages() -> Iterator[Case]:
    """1: text and binary of every length at which the head changes."""
    for kind, name, letter in ((TEXT, "text", b"*"), (BINARY, "binary", b"\xfe")):
        for size in (0, 1, 125, 126, 127, 128, 65_535, 65_536, 1_048_576):
            payload = letter * size
            yield Case(f"1.{kind} {name} of {size}", (frame(kind, payload),), ((kind, payload),))
        payload = letter * 65_536
        chops = _chopped(frame(kind, payload), 997)
        yield Case(f"1.{kind}.8 {name} of 65536 in pieces of 997", chops, ((kind, payload),))
        payload = letter * 200
        yield Case(f"1.{kind} {name} of 200 byte by byte", _chopped(frame(kind, payload), 1), ((kind, payload),))


def _pings() -> Iterator[Case]:
    """2: pings and pongs."""
    for name, payload in (
        ("2.1 without payload", b""),
        ("2.2 with text", b"Hello, world!"),
        ("2.3 with bytes that are no text", bytes([0, 255, 254, 253, 252, 251, 0, 255])),
        ("2.4 of the greatest length", b"\xfe" * 125),
    ):
        yield Case(f"{name}", (frame(PING, payload),), pongs=(payload,))
    yield Case("2.5 too long a ping", (frame(PING, b"\xfe" * 126),), close=1002)
    longest = _chopped(frame(PING, b"\xfe" * 125), 1)
    yield Case("2.6 the longest ping byte by byte", longest, pongs=(b"\xfe" * 125,))
    yield Case("2.7 a pong nobody asked for, empty", (frame(PONG),))
    yield Case("2.8 a pong nobody asked for", (frame(PONG, b"unsolicited"),))
    ping_after = (frame(PONG, b"unsolicited"), frame(PING, b"and this"))
    yield Case("2.9 a pong nobody asked for, then a ping", ping_after, pongs=(b"and this",))
    ten = tuple(b"payload-%d" % number for number in range(10))
    yield Case("2.10 ten pings", tuple(frame(PING, one) for one in ten), pongs=ten)
    chopped = tuple(piece for one in ten for piece in _chopped(frame(PING, one), 1))
    yield Case("2.11 ten pings byte by byte", chopped, pongs=ten)
    at_once = (b"".join(frame(PING, one) for one in ten),)
    yield Case("2.12 ten pings in one write", at_once, pongs=ten)


def _reserved() -> Iterator[Case]:
    """3: reserved bits, without an extension that gives them a meaning."""
    for rsv in range(1, 8):
        yield Case(f"3.{rsv} text with reserved bits {rsv}", (frame(TEXT, b"Hello", rsv=rsv),), close=1002)
    good = frame(TEXT, b"before")
    yield Case("3.8 a ping with a reserved bit", (frame(PING, b"x", rsv=4),), close=1002)
    yield Case("3.9 after a good message", (good, b"", frame(TEXT, b"x", rsv=2)), ((TEXT, b"before"),), close=1002)


def _opcodes() -> Iterator[Case]:
    """4: opcodes that mean nothing."""
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield Case(f"4 opcode {opcode}", (frame(opcode, b"x" if opcode % 2 else b""),), close=1002)
    behind = (frame(TEXT, b"before"), b"", frame(5, b"x"), frame(PING, b"never answered"))
    yield Case("4 opcode 5 between others", behind, ((TEXT, b"before"),), close=1002)


def _fragments() -> Iterator[Case]:
    """5: messages in several frames."""
    first, last = frame(TEXT, b"fragment1", fin=False), frame(CONTINUATION, b"fragment2")
    whole = ((TEXT, b"fragment1fragment2"),)
    yield Case("5.1 a ping in two", (frame(PING, b"a", fin=False), frame(CONTINUATION, b"b")), close=1002)
    yield Case("5.2 a pong in two", (frame(PONG, b"a", fin=False), frame(CONTINUATION, b"b")), close=1002)
    yield Case("5.3 text in two", (first, last), whole)
    yield Case("5.4 text in two, one write", (first + last,), whole)
    yield Case("5.5 text in two, byte by byte", _chopped(first + last, 1), whole)
    between = frame(PING, b"ping payload")
    yield Case("5.6 a ping between", (first, between, last), whole, (b"ping payload",))
    yield Case("5.7 a ping between, one write", (first + between + last,), whole, (b"ping payload",))
    yield Case("5.8 a ping between, byte by byte", _chopped(first + between + last, 1), whole, (b"ping payload",))
    orphan = frame(CONTINUATION, b"non-continuation payload")
    yield Case("5.9 a continuation of nothing", (orphan, frame(TEXT, b"Hello")), close=1002)
    unfinished = frame(CONTINUATION, b"x", fin=False)
    yield Case("5.12 an unfinished continuation of nothing", (unfinished, frame(TEXT, b"Hello")), close=1002)
    yield Case("5.15 a continuation after the end", (first, last, b"", orphan), whole, close=1002)
    yield Case("5.18 a message within a message", (first, frame(TEXT, b"fragment2")), close=1002)
    pings = (frame(PING, b"pongme 1"), frame(PING, b"pongme 2"))
    five = [frame(CONTINUATION, b"fragment%d" % number, fin=number == 5) for number in range(2, 6)]
    sends = (first, five[0], pings[0], five[1], five[2], pings[1], five[3])
    text = b"".join(b"fragment%d" % number for number in range(1, 6))
    yield Case("5.19 text in five with pings between", sends, ((TEXT, text),), (b"pongme 1", b"pongme 2"))
    yield Case("5.20 the same in one write", (b"".join(sends),), ((TEXT, text),), (b"pongme 1", b"pongme 2"))
    empty = (frame(TEXT, fin=False), frame(CONTINUATION, fin=False), frame(CONTINUATION))
    yield Case("6.1.2 three empty fragments", empty, ((TEXT, b""),))
    middle = (frame(TEXT, fin=False), frame(CONTINUATION, b"middle", fin=False), frame(CONTINUATION))
    yield Case("6.1.3 only the middle one is not empty", middle, ((TEXT, b"middle"),))
    many = [frame(BINARY, b"", fin=False), *[frame(CONTINUATION, b"z", fin=False)] * 1000, frame(CONTINUATION)]
    yield Case("5 a thousand fragments of one byte", (b"".join(many),), ((BINARY, b"z" * 1000),))


_GREEK = "Hello-µ@ßöäüàá-UTF-8!!".encode()
_BAD_TEXTS = {
    "6.3 a surrogate between": b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
    "6.6 cut in the middle of a letter": b"\xce\xba\xe1\xbd",
    "6.8 a first byte that is none": b"\xff",
    "6.10 too many bytes for a letter": b"\xc0\xaf",
    "6.12 a lone surrogate": b"\xed\xbf\xbf",
    "6.14 a lone continuation": b"\x80",
    "6.15 twenty lone continuations": b"\x80" * 20,
    "6.18 five bytes for a letter": b"\xf8\x88\x80\x80\x80",
    "6.21 beyond the last letter": b"\xf4\x90\x80\x80",
}
_GOOD_TEXTS = {
    "6.2 beyond ASCII": _GREEK,
    "6.5 Greek": "κόσμε".encode(),
    "6.7 the last of two bytes": "\u07ff".encode(),
    "6.9 the last of all": "\U0010ffff".encode(),
    "6.11 not a letter": "\uffff\ufffe".encode(),
    "6.13 a zero": b"a\x00b",
}


def _texts() -> Iterator[Case]:
    """6: text that is UTF-8, and text that is not."""
    for name, payload in _GOOD_TEXTS.items():
        yield Case(name, (frame(TEXT, payload),), ((TEXT, payload),))
    split = [frame(TEXT, _GREEK[:1], fin=False)]
    split += [frame(CONTINUATION, bytes([byte]), fin=False) for byte in _GREEK[1:]]
    yield Case("6.2.3 a fragment for each byte", (*split, frame(CONTINUATION)), ((TEXT, _GREEK),))
    for name, payload in _BAD_TEXTS.items():
        yield Case(name, (frame(TEXT, payload),), close=1007)
    halves = (frame(TEXT, b"good \xce", fin=False), frame(CONTINUATION, b"\xff bad"))
    yield Case("6.4 bad in the second of two", halves, close=1007)
    yield Case("6 bytes that are no text, as binary", (frame(BINARY, b"\xff\xc0\x80"),), ((BINARY, b"\xff\xc0\x80"),))


def _closes() -> Iterator[Case]:
    """7: how it ends."""
    hello = frame(TEXT, b"Hello World!")
    yield Case("7.1.1 a message, then the end", (hello,), ((TEXT, b"Hello World!"),))
    yield Case("7.1.2 two ends", (closing(1000) + closing(1000),), close=1000)
    yield Case("7.1.3 a ping after the end", (closing(1000) + frame(PING),), close=1000)
    yield Case("7.1.4 a message after the end", (closing(1000) + hello,), close=1000)
    begun = frame(TEXT, b"fragment1", fin=False)
    rest = frame(CONTINUATION, b"fragment2")
    yield Case("7.1.5 the end in the middle of a message", (begun + closing(1000) + rest,), close=1002)
    yield Case("7.3.1 an end without a code", (closing(None),), close=1005)
    yield Case("7.3.2 an end of one byte", (frame(CLOSE, b"a"),), close=1002)
    yield Case("7.3.4 with a reason", (closing(1000, b"Hello World!"),), close=1000)
    yield Case("7.3.5 with the longest reason", (closing(1000, b"*" * 123),), close=1000)
    yield Case("7.3.6 with too long a reason", (closing(1000, b"*" * 124),), close=1002)
    yield Case("7.5.1 with a reason that is no text", (closing(1000, b"\xce\xba\xed\xa0\x80"),), close=1007)
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        yield Case(f"7.7 code {code}", (closing(code),), close=code)
    for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535):
        yield Case(f"7.9 code {code}", (closing(code),), close=1002)
    yield Case("7 a close frame in two", (frame(CLOSE, b"\x03\xe8", fin=False),), close=1002)


def _masks_and_lengths() -> Iterator[Case]:
    """8: what only a careful reader of heads notices."""
    yield Case("8 a frame without a mask", (frame(TEXT, b"Hello", mask=None),), close=1002)
    yield Case("8 a mask of zeros", (frame(TEXT, b"Hello", mask=bytes(4)),), ((TEXT, b"Hello"),))
    yield Case("8 a mask that makes the payload zeros", (frame(BINARY, b"abcd", mask=b"abcd"),), ((BINARY, b"abcd"),))
    yield Case("8 a length of 2^63", (b"\x82\xff" + b"\x80" + bytes(7) + bytes(4),), close=1009)
    after = frame(TEXT, b"between") + frame(PING, b"x") + frame(BINARY, b"\x88\x02\x03\xe9")
    echoes = ((TEXT, b"between"), (BINARY, b"\x88\x02\x03\xe9"))
    yield Case("8 a payload that looks like a close frame", (after,), echoes, (b"x",))


def _many() -> Iterator[Case]:
    """9: much."""
    payload = b"BAsd7&jh23" * 400_000
    yield Case("9.1 text of 4 MB", (frame(TEXT, payload),), ((TEXT, payload),))
    yield Case("9.2 binary of 4 MB in pieces of 4096", _chopped(frame(BINARY, payload), 4096), ((BINARY, payload),))
    parts = _chopped(payload, 65_536)
    frames = [frame(BINARY if at == 0 else CONTINUATION, part, fin=False) for at, part in enumerate(parts)]
    yield Case("9.4 binary of 4 MB in 62 fragments", (*frames, frame(CONTINUATION)), ((BINARY, payload),))
    small = tuple((TEXT, b"%05d" % number) for number in range(1000))
    yield Case("9.7 a thousand messages", (b"".join(frame(TEXT, one) for _, one in small),), small)


def deflated(payload: bytes) -> bytes:
    """As `permessage-deflate` has it, with a window of its own."""
    squeeze = zlib.compressobj(wbits=-15)
    return (squeeze.compress(payload) + squeeze.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_TAIL)


def _compressed() -> Iterator[Case]:
    """12, 13: `permessage-deflate`; each message has the first reserved bit."""
    text = b"to be compressed, " * 500
    for number, extensions in enumerate(
        (
            DEFLATE,
            f"{DEFLATE}; client_no_context_takeover",
            f"{DEFLATE}; server_no_context_takeover; client_no_context_takeover",
            f"{DEFLATE}; server_max_window_bits=9",
            f"{DEFLATE}; client_max_window_bits",
            f"{DEFLATE}; client_max_window_bits=15; server_max_window_bits=10",
            f"x-unknown, {DEFLATE}",
        )
    ):
        needs = frozenset({"server_no_context_takeover"}) if "server_no" in extensions else frozenset[str]()
        sends = (frame(TEXT, deflated(text), rsv=4),)
        yield Case(f"13.{number} {extensions}", sends, ((TEXT, text),), extensions=extensions, needs=needs)
    half = deflated(text)
    two = (frame(TEXT, half[:20], rsv=4, fin=False), frame(CONTINUATION, half[20:]))
    yield Case("12 compressed and in two", two, ((TEXT, text),), extensions=DEFLATE)
    plain = (frame(TEXT, b"as it is"),)
    yield Case("12 agreed on and not used", plain, ((TEXT, b"as it is"),), extensions=DEFLATE)
    yield Case(
        "12 compressed without a meaning", (frame(TEXT, b"\xff\xff\xff", rsv=4),), close=1002, extensions=DEFLATE
    )
    both = (frame(TEXT, half[:20], rsv=4, fin=False), frame(CONTINUATION, half[20:], rsv=4))
    yield Case("12 both of two marked", both, close=1002, extensions=DEFLATE)
    yield Case("12 a ping marked", (frame(PING, b"x", rsv=4),), close=1002, extensions=DEFLATE)
    yield Case("12 another bit than the agreed one", (frame(TEXT, b"x", rsv=2),), close=1002, extensions=DEFLATE)
    large = bytes(range(256)) * 8192
    sends = (frame(BINARY, deflated(large), rsv=4),)
    yield Case("12 two megabytes, compressed", sends, ((BINARY, large),), extensions=DEFLATE)
