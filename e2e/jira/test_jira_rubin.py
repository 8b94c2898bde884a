"""On the Rubin Science Platform: Gafaelfawr says who is calling, and the technote's snippet works."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lib.ask import ask, problem
from lib.bench import Bench
from lib.gafaelfawr import Gafaelfawr, Oddity, Outage
from lib.jira.proxy import PREFIX, JiraProxy
from lib.jira.upstream import PROJECT, Jira
from lib.poll import eventually

_TECHNOTE = Path(__file__).with_name("technote.py")
_SEARCH = "/rest/api/2/search"
_JQL = f"project={PROJECT}"


def _run_technote(bench: Bench, proxy: JiraProxy, mounts: Path, token: str) -> tuple[int, dict[str, object]]:
    """Run it where `lsst.rsp` finds the token as it does in a Nublado notebook: in a mounted file."""
    (mounts / "secrets").mkdir()
    (mounts / "secrets" / "token").write_text(f"{token}\n")
    environment = bench.environment() | {"NUBLADO_RUNTIME_MOUNTS_DIR": str(mounts), "BASE_URL": proxy.site}
    assert proxy.url.endswith(PREFIX)
    run = subprocess.run([sys.executable, _TECHNOTE], env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    status, _, body = run.stdout.partition(" ")
    return int(status), json.loads(body)


def test_the_technotes_snippet_reads_issues(
    bench: Bench, gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, jira_server: Jira, tmp_path: Path
) -> None:
    token = gafaelfawr.token("ada", ["exec:notebook", "read:tap"])
    status, body = _run_technote(bench, rubin_proxy, tmp_path, token)
    assert status == 200
    assert body["total"] == jira_server.issues
    assert rubin_proxy.audit(user="ada", status=200)


def test_the_technotes_snippet_is_refused_without_exec_notebook(
    bench: Bench, gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, jira_server: Jira, tmp_path: Path
) -> None:
    before = len(jira_server.tap.sent)
    token = gafaelfawr.token("bob", ["read:tap", "exec:notebook-lookalike"])
    status, body = _run_technote(bench, rubin_proxy, tmp_path, token)
    assert status == 403
    assert str(body["type"]).endswith("/-/problems/insufficient_scope")
    assert jira_server.tap.sent[before:] == b""


def test_the_token_may_come_in_the_header_that_an_ingress_sets(gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy) -> None:
    delegated = {"X-Auth-Request-Token": gafaelfawr.token("ada", ["exec:notebook"])}
    answer = ask("GET", f"{rubin_proxy.url}{_SEARCH}", headers=delegated, params={"jql": _JQL, "maxResults": 1})
    assert answer.status_code == 200


@pytest.mark.parametrize("oddity", list(Oddity), ids=lambda oddity: oddity.name.lower())
def test_a_token_that_gafaelfawr_rejects_is_rejected(
    gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, oddity: Oddity
) -> None:
    answer = rubin_proxy.get(_SEARCH, gafaelfawr.odd_token(oddity), jql=_JQL)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_while_gafaelfawr_cannot_tell_nobody_is_admitted_or_rejected(
    gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy
) -> None:
    token = gafaelfawr.token("ada", ["exec:notebook"])
    with gafaelfawr.without(Outage.REDIS):
        answer = rubin_proxy.get(_SEARCH, token, jql=_JQL)
    assert answer.status_code == 503
    assert problem(answer) == "identity_unavailable"
    assert int(answer.headers["retry-after"]) > 0
    recovered = eventually(
        "an answer", lambda: rubin_proxy.get(_SEARCH, token, jql=_JQL, maxResults=1).status_code == 200, within=10
    )
    assert recovered


def test_a_second_request_with_the_same_token_asks_gafaelfawr_nothing(
    gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy
) -> None:
    token = gafaelfawr.token("ada", ["exec:notebook"])
    before = gafaelfawr.lookups
    for _ in range(3):
        assert rubin_proxy.get(_SEARCH, token, jql=_JQL, maxResults=1).status_code == 200
    assert gafaelfawr.lookups == before + 1
