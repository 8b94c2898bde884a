"""One question and its answer, and what an error of nbgate's own says."""

from typing import Any

import httpx


def ask(method: str, url: str, token: str | None = None, **rest: Any) -> httpx.Response:
    """One request on a connection of its own; redirects are the test's business."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return httpx.request(method, url, headers=headers | rest.pop("headers", {}), timeout=15, trust_env=False, **rest)


def problem(answer: httpx.Response) -> str:
    """The name of the problem that an error of nbgate's own describes, after checking that it is well made (RFC 9457)."""
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["request_id"]
    origin, _, name = str(body["type"]).rpartition("/-/problems/")
    assert origin, f"not a problem of nbgate's own: {body['type']}"
    return name
