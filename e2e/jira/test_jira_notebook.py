"""A notebook in a real single-user server, with the one token that server was given, reads issues."""

import pytest

from lib.hub import Hub
from lib.jira.cloud import JiraCloud
from lib.jira.people import READER
from lib.jira.upstream import PROJECT, Jira
from lib.leaks import Ledger, find
from lib.notebook import NotebookServer, printed

# The first cell shows whose token it is, by the platform's own word; the test knows the rest.
_WHOSE = """
import json, os, httpx
token = os.environ["JUPYTERHUB_API_TOKEN"]
bearer = {"Authorization": f"Bearer {token}"}
user = httpx.get(os.environ["JUPYTERHUB_API_URL"] + "/user", headers=bearer).json()
print(json.dumps({"token": token, "name": user["name"], "scopes": user["scopes"]}))
"""
_READ = """
issues = httpx.get("{url}/rest/api/2/{search}", headers=bearer, params={{"jql": "project={project}", "fields": "summary"}})
me = httpx.get("{url}/-/me", headers=bearer)
print(json.dumps({{"status": issues.status_code, "issues": issues.json().get("issues"), "me": me.json()}}))
"""
_EVERYTHING = """
print(json.dumps([[str(answer.headers), answer.text] for answer in (issues, me)]))
"""


@pytest.fixture
def server(hub: Hub) -> NotebookServer:
    """The reader's own notebook server."""
    return NotebookServer(hub.start_server(READER), hub.token(READER))


@pytest.fixture(params=["jira", "jira-cloud"])
def service(request: pytest.FixtureRequest) -> str:
    """The name of a service of the hub's."""
    return request.param


def test_a_notebook_reads_issues_with_its_servers_own_token(
    hub: Hub, server: NotebookServer, ledger: Ledger, service: str, jira_server: Jira, cloud: JiraCloud
) -> None:
    upstream, search = (jira_server, "search") if service == "jira" else (cloud.as_upstream, "search/jql")
    read = _READ.format(url=f"{hub.public_url}/services/{service}", search=search, project=PROJECT)
    whose, answers, everything = printed(server.run(service, [_WHOSE, read, _EVERYTHING]))

    token = ledger.platform_token(whose["token"])  # from here on, no upstream may have seen it
    assert whose["name"] == READER
    assert f"access:servers!server={READER}/" in whose["scopes"], "not the token of a notebook server"
    assert f"access:services!service={service}" in whose["scopes"]

    assert answers["status"] == 200
    assert len(answers["issues"]) == 50
    assert all(issue["key"].startswith(f"{PROJECT}-") for issue in answers["issues"])
    assert answers["me"]["user"] == READER

    assert any("/search" in line for line in upstream.tap.requests)
    assert not find(token, upstream.tap.sent)
    password = upstream.secret.path("password").read_text().strip()
    assert not find(password, str(everything).encode())
