"""InfluxDB 1.6, the real one, with authentication on and known rows in it."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from lib.bench import Bench
from lib.efd.seed import DATABASE, OTHER_DATABASE, OTHER_MEASUREMENT, TOPICS
from lib.leaks import Ledger
from lib.ports import free_port
from lib.toml import dumps
from lib.wiretap import Wiretap

_ADMIN = "admin"
READER = "efdreader"
"""May read the database `efd` and do nothing else, as the shared account of a site."""


@dataclass(frozen=True)
class Account:
    """A user of the database."""

    name: str
    password: str


class InfluxDB:
    """One server; what efd-token sends it goes through a wiretap."""

    def __init__(self, bench: Bench, ledger: Ledger, name: str = "influxdb") -> None:
        self._ledger = ledger
        directory = bench.directory(name)
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        config = directory / "influxdb.conf"
        config.write_text(dumps(_configuration(directory, port)))
        self._client = httpx.Client(base_url=self._url, timeout=30, trust_env=False)
        bench.start(
            name,
            [os.environ["NBGATE_E2E_INFLUXDB"], "-config", config],
            ready=lambda: self._client.get("/ping").status_code == 204,
        )
        self.tap = Wiretap(f"upstream {name}", port)
        self.url = f"{self.tap.url}/"
        """Where efd-token is told to find it."""
        ledger.upstream_saw(self.tap.name, lambda: self.tap.sent)
        log = bench.log(name)
        ledger.upstream_saw(f"log of {name}", log.read_bytes)
        self.admin = Account(_ADMIN, self.invent())
        # While there is no user, this one statement is let through.
        self._client.post("/query", data={"q": _create(self.admin) + " WITH ALL PRIVILEGES"}).raise_for_status()
        self._client.auth = (self.admin.name, self.admin.password)
        self.unreadable = ledger.bot_secret(f"of-nobodys-concern-{secrets.token_hex(12)}")
        """Stands in the database `secret`: no caller may see it."""
        self._seed()
        self.reader = self.new_reader(READER)
        self._at_first = dict(self._people())

    def invent(self) -> str:
        """A password that no caller and no log may see."""
        return self._ledger.bot_secret(secrets.token_urlsafe(24))

    def new_reader(self, name: str, password: str | None = None) -> Account:
        """An account that may read the database `efd`."""
        account = Account(name, password or self.invent())
        self.do(_create(account))
        self.do(f'GRANT READ ON "{DATABASE}" TO "{name}"')
        return account

    def do(self, statement: str) -> list[dict[str, Any]]:
        """One statement, as the administrator and past efd-token; returns its series."""
        result = self._result(statement)
        assert "error" not in result, f"{statement}: {result['error']}"
        return list(result.get("series", []))

    def _result(self, statement: str) -> dict[str, Any]:
        answer = self._client.post("/query", data={"q": statement})
        answer.raise_for_status()
        (result,) = answer.json()["results"]
        assert isinstance(result, dict)
        return result

    def attempt(
        self, statement: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Whatever a text does when the administrator sends it past efd-token."""
        everything = {"q": statement, "db": DATABASE} | dict(form or {})
        return self._client.post("/query", data=everything, headers=headers)

    def lets_in(self, account: Account) -> bool:
        """Whether name and password are good."""
        answer = httpx.get(
            f"{self._url}/query", params={"q": "SHOW DATABASES"}, auth=(account.name, account.password), trust_env=False
        )
        return answer.status_code == 200

    def dump(self, *, numbers: bool = True) -> str:
        """All that a statement could change: who may do what, how data is kept, and how much of it there is.

        Without `numbers`, it is the same for two databases that were made in the same way.
        """
        return json.dumps(dict(self._state(numbers)), indent=1, sort_keys=True)

    def _state(self, numbers: bool) -> Iterator[tuple[str, object]]:
        statements = ["SHOW USERS", "SHOW DATABASES", "SHOW CONTINUOUS QUERIES", "SHOW SUBSCRIPTIONS"]
        for statement in statements + (["SHOW SHARDS"] if numbers else []):
            yield statement, self._result(statement)
        yield from self._people()
        for database in _column(self.do("SHOW DATABASES")):
            yield from self._contents(database)

    def _people(self) -> Iterator[tuple[str, object]]:
        yield "logins", [self.lets_in(account) for account in (self.admin, self.reader)]
        for user in _column(self.do("SHOW USERS")):
            yield f"grants of {user}", self._result(f"SHOW GRANTS FOR {_quoted(user)}")

    def _contents(self, database: str) -> Iterator[tuple[str, object]]:
        name = _quoted(database)
        for what in ("RETENTION POLICIES", "MEASUREMENTS", "SERIES", "FIELD KEYS", "TAG KEYS"):
            yield f"{what} of {database}", self._result(f"SHOW {what} ON {name}")
        for policy in _column(self.do(f"SHOW RETENTION POLICIES ON {name}")):
            counts = self._result(f"SELECT COUNT(*) FROM {name}.{_quoted(policy)}./.*/")
            yield f"rows of {database}.{policy}", counts

    def begin_anew(self) -> None:
        """Undo whatever was done, as far as the administrator is let in."""
        for database in _column(self.do("SHOW DATABASES")):
            self.do(f"DROP DATABASE {_quoted(database)}")
        self._seed()
        if dict(self._people()) == self._at_first:
            return  # a password takes InfluxDB a tenth of a second
        for user in _column(self.do("SHOW USERS")):
            if user != self.admin.name:
                self.do(f"DROP USER {_quoted(user)}")
        self.reader = self.new_reader(READER)

    def _seed(self) -> None:
        for database in (DATABASE, OTHER_DATABASE):
            self.do(f'CREATE DATABASE "{database}"')
        for topic in TOPICS:
            self.write(DATABASE, "\n".join(topic.lines()))
        # Fields and a tag of one name: wherever a leak prints from, it prints this.
        self.write(
            OTHER_DATABASE, f'{OTHER_MEASUREMENT},person={self.unreadable} salary="{self.unreadable}" 1790812800'
        )

    def write(self, database: str, lines: str) -> None:
        """Rows, past efd-token; times are in seconds."""
        answer = self._client.post("/write", params={"db": database, "precision": "s"}, content=lines)
        answer.raise_for_status()


def _create(account: Account) -> str:
    return f"CREATE USER \"{account.name}\" WITH PASSWORD '{account.password}'"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _column(series: list[dict[str, Any]]) -> list[str]:
    """The first column of the only series."""
    return [row[0] for one in series for row in one.get("values", [])]


def _configuration(directory: os.PathLike[str], port: int) -> dict[str, object]:
    home = os.fspath(directory)
    return {
        "reporting-disabled": True,
        "bind-address": f"127.0.0.1:{free_port()}",
        "meta": {"dir": f"{home}/meta"},
        "data": {"dir": f"{home}/data", "wal-dir": f"{home}/wal"},
        # No text of a test's may keep it busy for long.
        "coordinator": {"query-timeout": "10s", "max-select-buckets": 100_000, "max-select-point": 1_000_000},
        "http": {"bind-address": f"127.0.0.1:{port}", "auth-enabled": True},
        "monitor": {"store-enabled": False},
        "continuous_queries": {"enabled": False},
    }
