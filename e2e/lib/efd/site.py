"""One site: its platform, its authority, its signing keys, and the efd-tokens that it runs."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lib.authority import Authority
from lib.bench import Bench
from lib.clock import Clock
from lib.efd.documents import Documents
from lib.efd.leases import SigningKeys
from lib.efd.service import EfdToken
from lib.gafaelfawr import Gafaelfawr
from lib.leaks import Ledger

Starts = Callable[..., EfdToken]
"""As `Site.start`."""
SCOPE = "read:sasquatch"
"""What a token needs at this site."""


class Site:
    """Starts efd-tokens whose leases are good at one another, unless a test says otherwise."""

    def __init__(self, bench: Bench, ledger: Ledger, gafaelfawr: Gafaelfawr) -> None:
        self.bench = bench
        self.ledger = ledger
        self.gafaelfawr = gafaelfawr
        self.authority = Authority(bench.directory("authority"))
        self.signing = self.signing_keys("site")

    def signing_keys(self, name: str) -> SigningKeys:
        """A file of signing keys with a fresh one in it."""
        return SigningKeys(self.bench.directory("signing") / name, self.ledger)

    def documents(self, name: str, documents: Mapping[str, str | bytes]) -> Documents:
        """A mounted Secret."""
        return Documents(self.bench.directory("documents") / name, documents)

    def token(self, user: str, scopes: Sequence[str] = (SCOPE,), **rest: Any) -> str:
        """A platform token."""
        return self.gafaelfawr.token(user, scopes, **rest)

    def start(
        self,
        name: str,
        documents: Documents | Mapping[str, str | bytes],
        keys: Sequence[Mapping[str, object]],
        *,
        ahead: float | None = None,
        signing: SigningKeys | None = None,
        identity: Mapping[str, object] | None = None,
        **rest: Any,
    ) -> EfdToken:
        """Start one; names may repeat. With `ahead`, its clock goes so far ahead of ours, and can be moved."""
        name = f"efd-token-{name}-{secrets.token_hex(2)}"
        return EfdToken(
            self.bench,
            self.ledger,
            self.authority,
            name,
            documents if isinstance(documents, Documents) else self.documents(name, documents),
            identity=identity or self.by_gafaelfawr(),
            keys=keys,
            signing=signing or self.signing,
            clock=None if ahead is None else Clock(self.bench, ahead),
            **rest,
        )

    def by_gafaelfawr(self) -> dict[str, object]:
        """`[[identity]]` of a Rubin platform; groups are asked for."""
        return {
            "kind": "gafaelfawr",
            "base_url": self.gafaelfawr.url,
            "groups": True,
            "required_scopes": [SCOPE],
            "cache_seconds": 5,
        }
