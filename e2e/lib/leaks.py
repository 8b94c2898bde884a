"""Who may never see which secret, and the search that proves it."""

import base64
import functools
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

Record = Callable[[], bytes | Sequence[bytes | bytearray]]
"""What was recorded so far; as a sequence, parts that only ever grow, so that no byte is searched twice."""
_OVERLAP = 8192
"""Bytes that are searched again: a spelling may have begun in what was searched before."""


@functools.cache
def spellings(secret: str) -> set[bytes]:
    """The forms in which a secret can hide in a byte stream: plain, percent-encoded, in JSON, hex, base64 at any offset."""
    raw = secret.encode()
    found = {raw, quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode(), raw.hex().encode()}
    for offset in range(3):
        # Within a longer base64 string (`user:secret`) only the characters that no neighbour shares are certain.
        encoded = base64.b64encode(b"\0" * offset + raw)
        first = (0, 2, 3)[offset]
        last = len(encoded) - (0, 3, 2)[(offset + len(raw)) % 3]
        core = encoded[first:last]
        found |= {core, core.replace(b"+", b"-").replace(b"/", b"_")}
    assert max(map(len, found)) < _OVERLAP
    return found


def find(secret: str, haystack: bytes) -> list[bytes]:
    """The spellings of `secret` that occur in `haystack`."""
    return sorted(spelling for spelling in spellings(secret) if spelling in haystack)


@dataclass
class _Searched:
    """How far a record was searched, and for which secrets."""

    secrets: set[str] = field(default_factory=set)
    lengths: list[int] = field(default_factory=list)

    def fresh(self, parts: Sequence[bytes]) -> bytes:
        """What has come since, and a little of what was there before it."""
        known = [*self.lengths, *[0] * (len(parts) - len(self.lengths))]
        return b"\n".join(
            bytes(part[max(0, length - _OVERLAP) :])
            for part, length in zip(parts, known, strict=True)
            if len(part) > length
        )


class Ledger:
    """Every secret of a run, every record of a run, and which must not meet."""

    def __init__(self) -> None:
        self._tokens: set[str] = set()
        self._bot_secrets: set[str] = set()
        self._shared_secrets: set[str] = set()
        self._upstreams: dict[str, Record] = {}
        self._callers: dict[str, Record] = {}
        self._logs: dict[str, Record] = {}
        self._told: set[tuple[str, str]] = set()
        self._searched: dict[str, _Searched] = {}

    def platform_token(self, token: str) -> str:
        """A caller's token: no upstream and no log may see it."""
        assert len(token) >= 16, "too short to be searched for"
        self._tokens.add(token)
        return token

    def bot_secret(self, secret: str) -> str:
        """A secret of the upstream's account: no caller and no log may see it."""
        assert len(secret) >= 16, "too short to be searched for"
        self._bot_secrets.add(secret)
        return secret

    def shared_secret(self, secret: str) -> str:
        """A secret that some callers are given: no log may see it."""
        assert len(secret) >= 16, "too short to be searched for"
        self._shared_secrets.add(secret)
        return secret

    def upstream_saw(self, name: str, record: Record) -> None:
        """Register what an upstream received."""
        self._upstreams[name] = record

    def caller_saw(self, name: str, record: Record) -> None:
        """Register what callers received."""
        self._callers[name] = record

    def logged(self, name: str, record: Record) -> None:
        """Register a log of the service under test."""
        self._logs[name] = record

    def retire(self, *names: str) -> None:
        """What these hold will not change any more: search it once, and then no longer after every test."""
        assert self.new_leaks() == []
        for name in names:
            for records in (self._upstreams, self._callers, self._logs):
                records.pop(name, None)

    def new_leaks(self) -> list[str]:
        """Each place where a secret turned up that may not be there, told once; never the secret itself."""
        return [
            *self._meetings("a platform token", self._tokens, "reached upstream", self._upstreams),
            *self._meetings("the bot's secret", self._bot_secrets, "reached caller", self._callers),
            *self._meetings("a platform token", self._tokens, "is in log", self._logs),
            *self._meetings("the bot's secret", self._bot_secrets, "is in log", self._logs),
            *self._meetings("a shared secret", self._shared_secrets, "is in log", self._logs),
        ]

    def _meetings(self, what: str, secrets: Iterable[str], verb: str, records: dict[str, Record]) -> list[str]:
        found = []
        for name, record in records.items():
            told = f"{what} {verb} {name}"
            for secret in self._met(told, set(secrets), record()):
                # The records stay: without this, one leak would fail every test that follows.
                if (secret, name) not in self._told:
                    self._told.add((secret, name))
                    found.append(told)
        return found

    def _met(self, told: str, secrets: set[str], recorded: bytes | Sequence[bytes | bytearray]) -> list[str]:
        """Those that are in the record; in one that only grows, those known before are looked for in what is new."""
        if isinstance(recorded, bytes):
            return [secret for secret in secrets if find(secret, recorded)]
        before = self._searched.setdefault(told, _Searched())
        parts = [bytes(part) for part in recorded]
        fresh, whole = before.fresh(parts), b"\n".join(parts) if secrets - before.secrets else b""
        met = [secret for secret in secrets if find(secret, fresh if secret in before.secrets else whole)]
        before.secrets, before.lengths = secrets, [len(part) for part in parts]
        return met
