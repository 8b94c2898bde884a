"""What is true of Jira Cloud only."""

import httpx

from lib.ask import ask, problem
from lib.jira.cloud import JiraCloud
from lib.jira.proxy import JiraProxy
from lib.jira.upstream import PROJECT

_SEARCH = "/rest/api/3/search/jql"


def test_the_retired_search_answers_410_with_jiras_own_words(cloud_proxy: JiraProxy, reader: str) -> None:
    answer = cloud_proxy.get("/rest/api/2/search", reader, jql=f"project={PROJECT}")
    assert answer.status_code == 410
    assert "search/jql" in answer.json()["errorMessages"][0]


def test_pages_follow_each_other_by_token(cloud: JiraCloud, cloud_proxy: JiraProxy, reader: str) -> None:
    identifiers: list[str] = []
    token: dict[str, str] = {}
    for _ in range(10):
        page = cloud_proxy.get(_SEARCH, reader, jql=f"project = {PROJECT}", maxResults=1000, **token).json()
        identifiers += [issue["id"] for issue in page["issues"]]
        if page["isLast"]:
            break
        token = {"nextPageToken": page["nextPageToken"]}
    assert len(set(identifiers)) == len(identifiers) == cloud.as_upstream.issues


def test_without_fields_only_ids_come_back(cloud_proxy: JiraProxy, reader: str) -> None:
    page = cloud_proxy.get(_SEARCH, reader, jql=f"project = {PROJECT}", maxResults=1).json()
    assert page["issues"] == [{"id": "10001"}]


def test_the_query_arrives_as_it_was_sent(cloud: JiraCloud, cloud_proxy: JiraProxy, reader: str) -> None:
    query = f"jql=project%20%3d+{PROJECT}&fields=summary&fields=project&maxResults=1"
    answer = ask("GET", f"{cloud_proxy.url}{_SEARCH}?{query}", reader)
    assert answer.status_code == 200
    assert cloud.as_upstream.tap.requests[-1] == f"GET {_SEARCH}?{query}"
    assert set(answer.json()["issues"][0]["fields"]) == {"summary", "project"}


def test_links_lead_through_the_proxy_and_foreign_links_stay(cloud_proxy: JiraProxy, reader: str) -> None:
    issue = cloud_proxy.get(f"/rest/api/3/issue/{PROJECT}-7", reader).json()
    base = f"{cloud_proxy.url}/rest/api/3"
    assert issue["self"] == f"{base}/issue/10007"
    assert issue["fields"]["attachment"][0]["content"] == f"{base}/attachment/content/10001"
    assert issue["fields"]["reporter"]["avatarUrls"]["48x48"] == "https://avatars.example.net/ada.png"
    assert issue["fields"]["summary"] == "Fix nübgate 7"


def test_what_jira_says_about_the_bot_stays_behind(cloud_proxy: JiraProxy, reader: str) -> None:
    answer = cloud_proxy.get("/rest/api/3/serverInfo", reader)
    assert answer.json()["deploymentType"] == "Cloud"
    assert not {"set-cookie", "x-aaccountid", "atl-traceid", "server"} & _names(answer)


def test_an_attachment_that_moved_to_another_host_is_not_followed(
    cloud: JiraCloud, cloud_proxy: JiraProxy, reader: str
) -> None:
    answer = cloud_proxy.get("/rest/api/3/attachment/content/10002", reader)
    assert answer.status_code == 502
    assert problem(answer) == "redirect_refused"
    assert cloud.media.visits == 0


def _names(answer: httpx.Response) -> set[str]:
    return {name.lower() for name in answer.headers}
