"""A Jira as jira-proxy sees it, whichever kind it is."""

from dataclasses import dataclass

from lib.kube_secret import KubernetesSecret
from lib.wiretap import Wiretap

PROJECT = "DM"


@dataclass(frozen=True)
class Attached:
    """A file on an issue, and what is in it."""

    issue: str
    filename: str
    content: bytes


@dataclass(frozen=True)
class Jira:
    """Where it is, whom it lets in, and a few things that are true of it."""

    tap: Wiretap
    username: str
    secret: KubernetesSecret
    """Holds the bot's password, under the name `password`."""
    issues: int
    """How many issues the project has."""
    attached: Attached

    @property
    def url(self) -> str:
        """Its base address, with the slash at the end that the original demands."""
        return f"{self.tap.url}/"
