"""A stand-in for Jira Cloud, of which there is nothing to install: what differs from Jira Data Center, and no more."""

import base64
import re
import secrets
from typing import Any

from lib.bench import Bench
from lib.jira.upstream import PROJECT, Attached, Jira
from lib.kube_secret import KubernetesSecret
from lib.leaks import Ledger
from lib.standin import Answer, Request, StandIn
from lib.wiretap import Wiretap

_EMAIL = "bot-nbgate@example.org"
_ISSUES = 120
_PAGE = 50  # Cloud gives fewer than were asked for; how many is its own affair
_ATTACHED = Attached(f"{PROJECT}-7", "night report.bin", b"\x00\xff\xfe\r\n" + bytes(range(256)) * 300)
_MOVED_TO_MEDIA = "10002"
_API = re.compile(r"/rest/api/(2|3)/(.+)")
_GONE = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline "
    "is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)
# What Cloud says about its caller, the bot: none of it is for the notebook.
_TALKATIVE = {
    "Set-Cookie": "atlassian.xsrf.token=bot-session; Path=/; Secure",
    "X-AACCOUNTID": "712020%3Abot",
    "ATL-TraceId": "5b1c",
}


class MediaStore(StandIn):
    """The other host where Cloud keeps attachments; nobody with the bot's credential should come here."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench, "media-store")
        self.visits = 0

    def answer(self, request: Request) -> Answer:
        """Give the file to whoever has the link, and count."""
        self.visits += 1
        return Answer(200, b"foreign bytes", {"Content-Type": "application/octet-stream"})


class JiraCloud(StandIn):
    """`search/jql` with page tokens, 410 on the old search, e-mail and API token by Basic, absolute links everywhere."""

    def __init__(self, bench: Bench, ledger: Ledger) -> None:
        super().__init__(bench, "jira-cloud-stand-in")
        api_token = ledger.bot_secret(f"ATATT3xFfGF0{secrets.token_urlsafe(32)}")
        self._expected = "Basic " + base64.b64encode(f"{_EMAIL}:{api_token}".encode()).decode()
        self.media = MediaStore(bench)
        tap = Wiretap("upstream cloud", self.port)
        ledger.upstream_saw(tap.name, lambda: tap.sent)
        self._site = tap.url
        secret = KubernetesSecret(bench.directory("cloud") / "secret", password=api_token)
        self.as_upstream = Jira(tap, _EMAIL, secret, _ISSUES, _ATTACHED)

    def answer(self, request: Request) -> Answer:
        """As Cloud does; what this stand-in does not know is 501, so that no test passes by accident."""
        if request.headers.get("Authorization") != self._expected:
            # Cloud treats a wrong API token as nobody; this is what nobody gets.
            return Answer(401, b"Client must be authenticated to access this resource.", {"Content-Type": "text/plain"})
        match = _API.fullmatch(request.path)
        if match is None or request.method not in ("GET", "HEAD"):
            return Answer(501, {"errorMessages": ["not known to the stand-in"]})
        answer = self._api(match[1], match[2], request)
        return Answer(answer.status, answer.body, _TALKATIVE | answer.headers)

    def _api(self, version: str, path: str, request: Request) -> Answer:
        match path.split("/"):
            case ["serverInfo"]:
                return Answer(200, self._server_info())
            case ["field"]:
                return Answer(200, [{"id": "summary", "name": "Summary", "custom": False, "clauseNames": ["summary"]}])
            case ["search"]:
                return Answer(410, {"errorMessages": [_GONE], "errors": {}})
            case ["search", "jql"]:
                return self._search(version, request)
            case ["issue", key] if (number := _number(key)) is not None:
                return Answer(200, self._issue(version, number, ["*all"]))
            case ["issue", _]:
                missing = "Issue does not exist or you do not have permission to see it."
                return Answer(404, {"errorMessages": [missing], "errors": {}})
            case ["attachment", "content", identifier]:
                return self._content(identifier)
            case ["attachment", "10001"]:
                return Answer(200, self._attachment(version, "10001"))
        return Answer(501, {"errorMessages": [f"not known to the stand-in: {path}"]})

    def _server_info(self) -> dict[str, Any]:
        return {
            "baseUrl": self._site,
            "version": "1001.0.0-SNAPSHOT",
            "versionNumbers": [1001, 0, 0],
            "deploymentType": "Cloud",
            "buildNumber": 100291,
            "serverTitle": "Jira",
        }

    def _search(self, version: str, request: Request) -> Answer:
        if not re.match(rf"project\s*=\s*{PROJECT}\b", request.first("jql")):
            unbounded = "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
            return Answer(400, {"errorMessages": [unbounded], "errors": {}})
        token = request.first("nextPageToken")
        start = int(token.removeprefix("page-after-")) if token else 0
        end = min(start + min(int(request.first("maxResults", "50")), _PAGE), _ISSUES)
        fields = ",".join(request.query.get("fields", ["id"])).split(",")
        issues = [self._issue(version, number, fields) for number in range(start + 1, end + 1)]
        more = {"isLast": True} if end == _ISSUES else {"isLast": False, "nextPageToken": f"page-after-{end}"}
        return Answer(200, {"issues": issues} | more)

    def _issue(self, version: str, number: int, fields: list[str]) -> dict[str, Any]:
        identifier = str(10_000 + number)
        if fields == ["id"]:
            return {"id": identifier}
        key = f"{PROJECT}-{number}"
        text = f"Seen in night {number}"
        adf = {
            "type": "doc",
            "version": 1,
            "content": [{"type": "paragraph", "content": [{"type": "text", "text": text}]}],
        }
        known = {
            "summary": f"Fix nübgate {number}",
            "description": text if version == "2" else adf,
            "project": {"self": f"{self._site}/rest/api/{version}/project/10000", "id": "10000", "key": PROJECT},
            "reporter": {"accountId": "712020:ada", "avatarUrls": {"48x48": "https://avatars.example.net/ada.png"}},
            "attachment": [self._attachment(version, "10001")] if key == _ATTACHED.issue else [],
        }
        wanted = known if "*all" in fields else {name: known[name] for name in fields if name in known}
        return {
            "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
            "id": identifier,
            "self": f"{self._site}/rest/api/{version}/issue/{identifier}",
            "key": key,
            "fields": wanted,
        }

    def _attachment(self, version: str, identifier: str) -> dict[str, Any]:
        return {
            "self": f"{self._site}/rest/api/{version}/attachment/{identifier}",
            "id": identifier,
            "filename": _ATTACHED.filename,
            "size": len(_ATTACHED.content),
            "mimeType": "application/octet-stream",
            "content": f"{self._site}/rest/api/{version}/attachment/content/{identifier}",
        }

    def _content(self, identifier: str) -> Answer:
        """Cloud itself redirects to its media store unless told `redirect=false`; here one attachment of each kind."""
        if identifier == _MOVED_TO_MEDIA:
            return Answer(
                303, headers={"Location": f"http://127.0.0.1:{self.media.port}/file/{identifier}?token=signed"}
            )
        disposition = f'attachment; filename="{_ATTACHED.filename}"'
        return Answer(
            200, _ATTACHED.content, {"Content-Type": "application/octet-stream", "Content-Disposition": disposition}
        )


def _number(key: str) -> int | None:
    """The issue that a key or an id names."""
    match = re.fullmatch(rf"{PROJECT}-(\d+)|1(\d{{4}})", key)
    number = int(match[1] or match[2]) if match else 0
    return number if 1 <= number <= _ISSUES else None
