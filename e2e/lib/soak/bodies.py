"""What the stand-in upstream answers: bodies that name whom they are for, so that nobody takes another's for theirs."""

import gzip
import json
from dataclasses import asdict, dataclass
from typing import Self
from urllib.parse import urlencode

BLOCK = 64 * 1024


@dataclass(frozen=True)
class Wanted:
    """What a request asks the stand-in to answer, and how: it travels in the query."""

    user: str
    number: int
    size: int = 2_000
    kind: str = "text"
    """`text`, `json` (holds links to the upstream), `gzip`, `stream` (made while sent) or `echo` (what was posted)."""
    framing: str = "length"
    """`length`, `chunked`, or `close`: the connection's end is the body's."""
    fault: str = "none"
    """See `upstream.py`."""
    delay: float = 0
    """Seconds before the head; with the fault `pause`, in the middle of the body."""

    def query(self) -> str:
        """As it is sent."""
        return urlencode(asdict(self))

    @classmethod
    def read(cls, query: dict[str, list[str]]) -> Self:
        """From what was sent."""
        one = {name: values[0] for name, values in query.items()}
        numbers = {"number": int(one["number"]), "size": int(one["size"]), "delay": float(one["delay"])}
        return cls(**(one | numbers))

    def body(self, base: str) -> bytes:
        """The body, with links below `base`; never empty."""
        match self.kind:
            case "json":
                return self._document(base)
            case "gzip":
                return gzip.compress(self._text(), 1, mtime=0)
            case "stream":
                return b"".join(self.blocks())
        return self._text()

    def blocks(self) -> list[bytes]:
        """The same in parts that share their memory, however large the body is."""
        block = (self._line() * (BLOCK // len(self._line()) + 1))[: BLOCK - BLOCK % len(self._line())]
        whole, rest = divmod(self.size, len(block))
        return [block] * whole + [block[:rest]]

    def media_type(self) -> str:
        """What the body is."""
        return "application/json" if self.kind == "json" else "text/plain"

    def posted(self) -> bytes:
        """What a request of kind `echo` sends, and gets back."""
        return json.dumps({"jql": f"reporter = {self.user}", "text": self._text().decode()}).encode()

    def _line(self) -> bytes:
        return f"{self.user}#{self.number} ".encode()

    def _text(self) -> bytes:
        line = self._line()
        return (line * (self.size // len(line) + 1))[: self.size]

    def _document(self, base: str) -> bytes:
        link = f"{base}/rest/api/2/issue/{self.user}-{self.number}"
        escaped = link.replace("/", "\\/")
        issue = f'{{"self": "{link}", "names": "{self._line().decode()}", "avatar": "{escaped}"}}'
        many = max(1, self.size // 200)  # the same however long the base is
        return f'{{"issues": [{", ".join([issue] * many)}]}}'.encode()
