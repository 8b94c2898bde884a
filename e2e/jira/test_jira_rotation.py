"""The bot's password changes under way, in Jira and in the mounted Secret, and nobody is told to restart."""

import secrets

import httpx
import pytest

from lib.ask import problem
from lib.bench import Bench
from lib.gafaelfawr import Gafaelfawr
from lib.jira.proxy import JiraProxy
from lib.jira.server import JiraServer
from lib.jira.upstream import PROJECT, Jira
from lib.leaks import Ledger
from lib.nginx import PasswordGate
from lib.poll import observe

_ISSUE = f"/rest/api/2/issue/{PROJECT}-1"
_STEADY = 20
"""So many right answers in a row mean that the change is over."""
_SOON = 10.0
"""Seconds: the file is looked at every two of them, the right answers need one more, and the machine may be busy."""


class Rotation:
    """A jira-proxy whose password can be changed on either side."""

    def __init__(self, proxy: JiraProxy, jira: Jira, gate: PasswordGate, token: str, ledger: Ledger) -> None:
        self._proxy = proxy
        self._jira = jira
        self._gate = gate
        self._token = token
        self._ledger = ledger

    def invent(self) -> str:
        """A new password."""
        return self._ledger.bot_secret(secrets.token_urlsafe(24))

    def change_in_jira(self, password: str) -> None:
        """From now on Jira knows only this one."""
        self._gate.admit(self._jira.username, password)

    def change_in_the_secret(self, password: str) -> None:
        """As the kubelet does after `kubectl apply`."""
        self._jira.secret.write(password=f"{password}\n")

    def look(self) -> int:
        """Ask once; the answer is right, or says honestly what is wrong."""
        answer = self._proxy.get(_ISSUE, self._token)
        if answer.status_code == 200:
            assert answer.json()["key"] == f"{PROJECT}-1"
        else:
            _assert_honest(answer)
        return answer.status_code


def _assert_honest(answer: httpx.Response) -> None:
    assert answer.status_code == 502, answer.text
    assert problem(answer) == "upstream_credential_rejected"


def _steady(seen: list[int]) -> bool:
    return len(seen) >= _STEADY and set(seen[-_STEADY:]) == {200}


@pytest.fixture(scope="module")
def rotation(bench: Bench, ledger: Ledger, emulator: JiraServer, gafaelfawr: Gafaelfawr) -> Rotation:
    """A proxy and a gate of its own: no other test shall see the change."""
    jira, gate = emulator.behind_a_gate("rotated")
    identity = {"kind": "gafaelfawr", "base_url": gafaelfawr.url}
    proxy = JiraProxy(bench, ledger, "jira-proxy-rotated", jira, identity)
    return Rotation(proxy, jira, gate, gafaelfawr.token("ada", ["exec:notebook"]), ledger)


def test_a_password_that_changes_on_both_sides_at_once_is_noticed(rotation: Rotation) -> None:
    assert rotation.look() == 200
    password = rotation.invent()
    rotation.change_in_jira(password)
    rotation.change_in_the_secret(password)
    observe(rotation.look, until=_steady, within=_SOON, every=0.05)


def test_a_secret_that_comes_late_is_noticed_within_seconds(rotation: Rotation) -> None:
    password = rotation.invent()
    rotation.change_in_jira(password)
    # Five answers: enough for the breaker that spares the bot's account from being locked.
    without = observe(rotation.look, until=lambda seen: seen[-5:] == [502] * 5, within=15, every=0.2)
    assert 200 not in without
    rotation.change_in_the_secret(password)
    observe(rotation.look, until=_steady, within=_SOON, every=0.05)


def test_a_secret_that_comes_early_is_noticed_when_jira_follows(rotation: Rotation) -> None:
    password = rotation.invent()
    rotation.change_in_the_secret(password)
    observe(rotation.look, until=lambda seen: 502 in seen, within=_SOON, every=0.5)
    rotation.change_in_jira(password)
    observe(rotation.look, until=_steady, within=_SOON, every=0.05)
