"""The clients that people use, unmodified: they are given the proxy's address and the platform's token, nothing else."""

from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from atlassian import Jira as AtlassianJira
from atlassian.jira import JiraCloud as AtlassianCloud
from jira import JIRA

from lib.jira.cloud import JiraCloud
from lib.jira.proxy import JiraProxy
from lib.jira.upstream import PROJECT, Jira
from lib.leaks import Ledger, find

Pair = tuple[Jira, JiraProxy]


@pytest.fixture(params=["server", "cloud"])
def pair(request: pytest.FixtureRequest) -> Pair:
    """A Jira of each kind, and the proxy in front of it."""
    proxy: JiraProxy = request.getfixturevalue(f"{request.param}_proxy")
    if request.param == "server":
        return request.getfixturevalue("jira_server"), proxy
    return request.getfixturevalue("cloud").as_upstream, proxy


@pytest.fixture
def jira(pair: Pair, reader: str) -> JIRA:
    """The `jira` package; it finds out by itself which kind of Jira it speaks to."""
    return JIRA(pair[1].url, token_auth=reader, max_retries=0, timeout=15)


@pytest.fixture
def atlassian(pair: Pair, reader: str) -> AtlassianJira:
    """The `atlassian-python-api` package; it has to be told."""
    return AtlassianJira(pair[1].url, token=reader, timeout=15, cloud="cloud" in pair[1].name)


def _keys(count: int) -> set[str]:
    return {f"{PROJECT}-{number}" for number in range(1, count + 1)}


def test_the_jira_client_searches(pair: Pair, jira: JIRA) -> None:
    found = jira.search_issues(f"project = {PROJECT} ORDER BY key", maxResults=5)
    assert len(found) == 5
    assert all(issue.fields.summary for issue in found)


def test_the_jira_client_pages_through_everything(pair: Pair, jira: JIRA) -> None:
    before = len(pair[0].tap.requests)
    found = jira.search_issues(f"project={PROJECT}", maxResults=False, fields="summary")
    assert {issue.key for issue in found} == _keys(pair[0].issues)
    searches = [line for line in pair[0].tap.requests[before:] if "/search" in line]
    assert len(searches) >= 3, "all came in one page"


def test_the_jira_client_reads_one_issue(pair: Pair, jira: JIRA) -> None:
    issue = jira.issue(pair[0].attached.issue)
    assert issue.key == pair[0].attached.issue
    assert issue.self.startswith(f"{pair[1].url}/rest/api/2/issue/"), "a link leads past the proxy"


def test_the_jira_client_fetches_an_attachment_by_its_absolute_link(pair: Pair, jira: JIRA) -> None:
    (attachment,) = jira.issue(pair[0].attached.issue).fields.attachment
    assert attachment.content.startswith(f"{pair[1].url}/")
    assert attachment.get() == pair[0].attached.content


def test_the_atlassian_client_searches(atlassian: AtlassianJira) -> None:
    answer = atlassian.jql(f"project = {PROJECT} ORDER BY key", limit=5)
    assert len(answer["issues"]) == 5


def test_the_atlassian_client_pages_through_everything(pair: Pair, atlassian: AtlassianJira) -> None:
    found = atlassian.jql_get_list_of_tickets(f"project={PROJECT}", fields="summary")
    assert {issue["key"] for issue in found} == _keys(pair[0].issues)


def test_the_atlassian_client_reads_one_issue(pair: Pair, atlassian: AtlassianJira) -> None:
    issue = atlassian.issue(pair[0].attached.issue)
    assert issue["self"].startswith(f"{pair[1].url}/rest/api/2/issue/")


def test_the_atlassian_client_fetches_attachments_by_their_absolute_links(
    pair: Pair, atlassian: AtlassianJira, tmp_path: Path
) -> None:
    archive = atlassian.get_all_attachment_contents(pair[0].attached.issue, path=str(tmp_path))
    assert archive is not None
    with ZipFile(archive) as files:
        assert files.read(pair[0].attached.filename) == pair[0].attached.content


def test_the_atlassian_cloud_client_pages_by_token(cloud: JiraCloud, cloud_proxy: JiraProxy, reader: str) -> None:
    client = AtlassianCloud(cloud_proxy.url, token=reader, timeout=15)
    found = client.enhanced_jql_get_list_of_tickets(f"project={PROJECT}")
    assert {issue["key"] for issue in found} == _keys(cloud.as_upstream.issues)


@pytest.mark.parametrize(
    "use",
    [lambda jira: jira.issue(f"{PROJECT}-1"), lambda jira: jira.search_issues(f"project={PROJECT}")],
    ids=["issue", "search"],
)
def test_the_upstream_is_asked_as_the_bot_and_never_as_the_user(
    pair: Pair, jira: JIRA, reader: str, ledger: Ledger, use: Callable[[JIRA], object]
) -> None:
    upstream, proxy = pair
    before = len(upstream.tap.sent)
    use(jira)
    seen = upstream.tap.sent[before:]
    password = upstream.secret.path("password").read_text().strip()
    assert find(password, seen), "the record does not even hold what must be in it"
    assert not find(reader, seen)
    assert find(reader, proxy.tap.sent), "the caller's token never was on the wire"
    assert not find(password, proxy.tap.received)


def test_the_ledger_would_notice_a_leak(pair: Pair, jira: JIRA, reader: str) -> None:
    upstream, proxy = pair
    jira.issue(f"{PROJECT}-1")
    assert b"content-encoding:" not in proxy.tap.received.lower(), "compressed: a search would find nothing"
    password = upstream.secret.path("password").read_text().strip()
    swapped = Ledger()
    swapped.platform_token(reader)
    swapped.bot_secret(password)
    swapped.upstream_saw("the proxy, as if it were the upstream", lambda: proxy.tap.sent)
    swapped.caller_saw("the upstream, as if it were a caller", lambda: upstream.tap.sent)
    assert len(swapped.new_leaks()) == 2
