"""What Jira answers with: JSON of a given size, full of links to itself as Jira's is, and bytes that are no text."""

import json
from pathlib import Path

from bench.paths import BINARY, LARGE, SMALL, STREAM

MEBI = 1024 * 1024
SIZES = {SMALL: 2_000, LARGE: 100_000}
"""The small one is served from memory (`nginx.py`), where it is no longer than a word of the configuration may be."""
BINARY_BYTES = 64 * MEBI
STREAM_BYTES = 1024 * MEBI


def write(folder: Path, base_url: str) -> None:
    """Write every body below `folder`, where the upstream serves it."""
    _file(folder, LARGE).write_text(text(LARGE, base_url))
    for path, size in ((BINARY, BINARY_BYTES), (STREAM, STREAM_BYTES)):
        with _file(folder, path).open("wb") as sparse:
            sparse.truncate(size)


def text(path: str, base_url: str) -> str:
    """What `path` is answered with, if that is JSON: it holds no quote but JSON's own, and no `$`."""
    return _issues(base_url, SIZES[path])


def _file(folder: Path, path: str) -> Path:
    file = folder / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _issues(base_url: str, size: int) -> str:
    """A search result of exactly `size` bytes: each issue has one link to itself and one to its project."""
    issues: list[dict[str, object]] = []
    while len(text := _text(issues)) < size:
        issues.append(_issue(base_url, len(issues)))
    if len(issues) > 1:
        text = _text(issues[:-1])
    return text[:-2] + " " * max(0, size - len(text)) + text[-2:]


def _text(issues: list[dict[str, object]]) -> str:
    return json.dumps({"startAt": 0, "maxResults": 1_000, "total": len(issues), "issues": issues})


def _issue(base_url: str, number: int) -> dict[str, object]:
    return {
        "id": str(10_000 + number),
        "key": f"OBS-{number}",
        "self": f"{base_url}/rest/api/2/issue/{10_000 + number}",
        "fields": {
            "summary": f"Dome: the shutter reports {number} after a slew, and the log says why",
            "status": {"name": "To Do", "id": "3"},
            "project": {"key": "OBS", "self": f"{base_url}/rest/api/2/project/10400"},
            "description": "Seen during the night. " * 12,
        },
    }
