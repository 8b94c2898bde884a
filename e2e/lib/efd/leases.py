"""Leases, taken apart and put together by hand: `nbl1.<signing key>.<claims>.<signature>`.

An implementation of its own, so that a test knows what it changes; that it is right is a test too.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.kube_secret import KubernetesSecret
from lib.leaks import Ledger


@dataclass(frozen=True)
class SigningKey:
    """One line of the file of signing keys."""

    name: str
    secret: str

    def sign(self, text: str, digest: Callable[..., Any] = hashlib.sha256) -> str:
        """The last part of a lease that begins with `text`."""
        return encoded(hmac.new(self.secret.encode(), text.encode(), digest).digest())


class SigningKeys:
    """The file of signing keys, as a mounted Secret."""

    def __init__(self, mount: Path, ledger: Ledger) -> None:
        self._ledger = ledger
        self.keys = [self.invent("first")]
        self._secret = KubernetesSecret(mount, keys=self._text())
        self.file = self._secret.path("keys")

    def invent(self, name: str) -> SigningKey:
        """A key that no caller, no log and no upstream may see."""
        return SigningKey(name, self._ledger.bot_secret(secrets.token_urlsafe(36)))

    @property
    def signing(self) -> SigningKey:
        """The one that signs."""
        return self.keys[0]

    def replace(self, *keys: SigningKey) -> None:
        """From now on these: the first signs, all verify."""
        self.keys = list(keys)
        self._secret.write(keys=self._text())

    def _text(self) -> str:
        return "# who signs comes first\n" + "".join(f"{key.name} {key.secret}\n" for key in self.keys)


class Revocations:
    """The file of revoked leases, as a mounted ConfigMap."""

    def __init__(self, mount: Path) -> None:
        self._map = KubernetesSecret(mount, revocations="")
        self.file = self._map.path("revocations")

    def write(self, *tables: dict[str, str]) -> None:
        """From now on these, each a `[[revoked]]`."""
        self.write_text("".join(f"[[revoked]]\n{_lines(table)}\n" for table in tables))

    def write_text(self, text: str) -> None:
        """Whatever stands in the file."""
        self._map.write(revocations=text)


def make(key: SigningKey, /, **claims: object) -> str:
    """A lease with these claims and, where they say nothing, what a good one for `ada` and `usdf_efd` has."""
    now = int(time.time())
    usual = {
        "user": "ada",
        "tenant": "default",
        "key": "usdf_efd",
        "id": secrets.token_urlsafe(12),
        "issued": now,
        "expires": now + 3_600,
    }
    return put_together(key, {name: value for name, value in (usual | claims).items() if value is not None})


def put_together(key: SigningKey, claims: object) -> str:
    """A lease that says just this."""
    signed = f"nbl1.{key.name}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{key.sign(signed)}"


def claims_of(lease: str) -> dict[str, Any]:
    """What a lease says."""
    _, _, claims, _ = lease.split(".")
    value = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert isinstance(value, dict)
    return value


def encoded(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _lines(table: dict[str, str]) -> str:
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())
