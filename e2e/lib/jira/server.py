"""Jira Data Center: the independent emulator `jira820`, behind an nginx that asks for the bot's password."""

import secrets
import sys
from pathlib import Path

import httpx

from lib.bench import Bench
from lib.jira.upstream import PROJECT, Attached, Jira
from lib.kube_secret import KubernetesSecret
from lib.leaks import Ledger
from lib.nginx import PasswordGate
from lib.ports import free_port
from lib.wiretap import Wiretap

_USERNAME = "bot-nbgate"
# Not UTF-8, and with line ends in it: what goes through as text comes out as something else.
_PLOT = b"\x89PNG\r\n\x1a\n\x00\xff\xfe" + bytes(range(256)) * 300


class JiraServer:
    """One emulator, which may stand behind several gates."""

    def __init__(self, bench: Bench, ledger: Ledger) -> None:
        self._bench = bench
        self._ledger = ledger
        self._port = free_port()
        base = f"http://127.0.0.1:{self._port}/rest/api/2"
        bench.start(
            "jira820",
            [Path(sys.executable).parent / "jira820"],
            env={"JIRA820_PORT": str(self._port), "JIRA820_PROJECT_KEY": PROJECT, "JIRA820_DATE": "2026-11-02"},
            ready=lambda: httpx.get(f"{base}/serverInfo", trust_env=False).status_code == 200,
        )
        self._attached = Attached(f"{PROJECT}-1", "plot 1.png", _PLOT)
        httpx.post(
            f"{base}/issue/{self._attached.issue}/attachments",
            files={"file": (self._attached.filename, self._attached.content, "image/png")},
            trust_env=False,
        ).raise_for_status()
        found = httpx.get(f"{base}/search", params={"jql": f"project={PROJECT}", "maxResults": 1}, trust_env=False)
        self._issues = int(found.json()["total"])

    def behind_a_gate(self, name: str) -> tuple[Jira, PasswordGate]:
        """The emulator as seen through a gate and a wiretap of its own."""
        password = self._ledger.bot_secret(secrets.token_urlsafe(24))
        gate = PasswordGate(self._bench, f"nginx-{name}", self._port)
        gate.admit(_USERNAME, password)
        tap = Wiretap(f"upstream {name}", gate.port)
        self._ledger.upstream_saw(tap.name, lambda: tap.sent)
        # Written by hand or by `kubectl create secret --from-file`, such a file ends with a line end.
        secret = KubernetesSecret(self._bench.directory(name) / "secret", password=f"{password}\n")
        return Jira(tap, _USERNAME, secret, self._issues, self._attached), gate
