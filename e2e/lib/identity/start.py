"""Starts a jira-proxy for a test that has an identity to prove."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from lib.bench import Bench
from lib.clock import Clock
from lib.jira.proxy import JiraProxy
from lib.jira.upstream import Jira
from lib.leaks import Ledger

StartProxy = Callable[..., JiraProxy]
"""`start(name, identity, ahead=seconds)`; with `ahead`, its clock goes so far ahead of ours, and can be moved."""


def starter(bench: Bench, ledger: Ledger, jira: Jira) -> StartProxy:
    """What starts proxies in front of `jira`, under names that may repeat."""

    def start(name: str, identity: Mapping[str, object], *, ahead: float | None = None, **rest: Any) -> JiraProxy:
        clock = None if ahead is None else Clock(bench, ahead)
        name = f"jira-proxy-{name}-{secrets.token_hex(2)}"
        return JiraProxy(bench, ledger, name, jira, identity, clock=clock, **rest)

    return start
