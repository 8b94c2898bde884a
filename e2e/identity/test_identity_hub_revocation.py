"""What a platform takes back while the answer about it is cached is noticed within a minute."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest

from lib.ask import problem
from lib.gafaelfawr import Gafaelfawr
from lib.identity.gateway import send
from lib.identity.hub import BY_GROUP, BY_ROLE, GROUP, PeopledHub
from lib.identity.people import FOR_ALL
from lib.jira.proxy import PREFIX, JiraProxy
from lib.jira.upstream import Jira
from lib.poll import observe

pytest_plugins = ["identity.platforms"]

_PROMISE = 60
_SLACK = 3
"""For a machine that is busy with other things."""
_LIFETIME = 5


@dataclass
class _Taken:
    """A token that was good, how it is taken back, and what its owner is told then."""

    proxy: JiraProxy
    token: str
    take: Callable[[], None]
    told: tuple[int, str]
    since: float = 0.0

    def ask(self) -> httpx.Response:
        return send(self.proxy.tap.port, PREFIX + FOR_ALL, [("Authorization", f"Bearer {self.token}")])

    def outcome(self) -> tuple[int, str]:
        answer = self.ask()
        return answer.status_code, "" if answer.status_code == 200 else problem(answer)


@pytest.fixture
def taken(
    peopled: PeopledHub, hub_proxy: JiraProxy, gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy
) -> dict[str, _Taken]:
    """One of each; all answers about them are cached. One wait serves them all."""
    hub, rejected = peopled.hub, (401, "invalid_token")
    hub.join("dora", GROUP)
    hub.join("dan", GROUP)
    revoked, rubin = hub.token(BY_ROLE), gafaelfawr.token("ada", ["exec:notebook"])
    taken = {
        "a token of the hub deleted": _Taken(hub_proxy, revoked, lambda: hub.revoke(BY_ROLE, revoked), rejected),
        "a token of the hub over": _Taken(hub_proxy, hub.token(BY_ROLE, lifetime=_LIFETIME), lambda: None, rejected),
        "a user of the hub deleted": _Taken(hub_proxy, hub.token("dora"), lambda: hub.delete("dora"), rejected),
        "a user taken out of the group": _Taken(
            hub_proxy, hub.token("dan"), lambda: hub.leave("dan", GROUP), (403, "insufficient_scope")
        ),
        "a token of Gafaelfawr revoked": _Taken(rubin_proxy, rubin, lambda: gafaelfawr.revoke(rubin), rejected),
    }
    for name, one in taken.items():
        assert one.outcome() == (200, ""), name
    return taken


def test_what_is_taken_back_is_noticed_within_a_minute_and_a_restart_of_the_hub_changes_nothing(
    taken: dict[str, _Taken], peopled: PeopledHub, hub_proxy: JiraProxy, guarded_jira: Jira
) -> None:
    neighbour = _Taken(hub_proxy, peopled.hub.token(BY_GROUP), lambda: None, (200, ""))
    assert neighbour.outcome() == (200, "")
    for one in taken.values():
        one.take()
        one.since = time.monotonic()
        assert one.outcome() == (200, ""), "the answer is cached: else this test shows nothing"
    taken["a token of the hub over"].since += _LIFETIME

    peopled.hub.stop()
    assert neighbour.outcome() == (200, "")
    peopled.hub.start()

    noticed: dict[str, float] = {}

    def look() -> set[tuple[int, str]]:
        for name, one in taken.items():
            outcome = one.outcome()
            if name in noticed:
                assert outcome == one.told, f"{name}: once refused, then {outcome}"
            elif outcome != (200, ""):
                assert outcome == one.told, name
                noticed[name] = time.monotonic() - one.since
        return {neighbour.outcome()}

    seen = observe(look, until=lambda _: len(noticed) == len(taken), within=_PROMISE + 2 * _SLACK, every=0.5)
    assert {name: after for name, after in noticed.items() if after > _PROMISE + _SLACK} == {}
    assert set().union(*seen) == {(200, "")}, "nobody else is any the worse"

    watch = guarded_jira.tap.from_now()
    assert [one.outcome() for one in taken.values()] == [one.told for one in taken.values()]
    assert watch.sent == b""
