"""The documents that efd-token hands out or keeps to itself, as a mounted Secret."""

import json
from collections.abc import Mapping
from pathlib import Path

from lib.efd.influxdb import Account
from lib.kube_secret import KubernetesSecret

SCHEMA_REGISTRY = "https://schema-registry.example.org"


def efd_document(account: Account, **changes: object) -> str:
    """As in the secret of a site: where the database is said to be, and the account that all share."""
    document = {
        "host": "influxdb.example.org",
        "port": "443",
        "path": "/influxdb/",
        "username": account.name,
        "password": account.password,
        "schema_registry": SCHEMA_REGISTRY,
    }
    return json.dumps(document | changes, indent=2)


class Documents:
    """One document per file; each change is one swap."""

    def __init__(self, mount: Path, documents: Mapping[str, str | bytes]) -> None:
        self._documents = dict(documents)
        self._secret = KubernetesSecret(mount, **self._documents)
        self.directory = mount

    def __getitem__(self, key: str) -> str | bytes:
        return self._documents[key]

    def change(self, **documents: str | bytes) -> None:
        """Add these, or replace those of their names."""
        self._documents |= documents
        self._secret.write(**self._documents)

    def remove(self, *keys: str) -> None:
        """Take these away."""
        for key in keys:
            del self._documents[key]
        self._secret.write(**self._documents)
