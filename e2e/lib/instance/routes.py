"""`proxy.conf.json` as VISA ships it, on ports of this run, and entries beyond those."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.ports import free_port

JUPYTER, FILES, PRINTING, NOTEBOOKS, OTHER = "Jupyter", "Visa Files", "Visa Printing", "Notebooks", "Other"


@dataclass(frozen=True)
class Ports:
    """Where services listen on every instance."""

    jupyter: int = field(default_factory=lambda: free_port("0.0.0.0"))
    files: int = field(default_factory=lambda: free_port("0.0.0.0"))
    printing: int = field(default_factory=lambda: free_port("0.0.0.0"))
    other: int = field(default_factory=lambda: free_port("0.0.0.0"))


def shipped(ports: Ports) -> list[dict[str, Any]]:
    """To the letter, but for the ports."""
    return [
        {"match": r"^/jupyter/(\d+).*", "type": "jupyter", "name": JUPYTER, "remotePort": ports.jupyter, "ws": True},
        {
            "match": r"^/visafs/(\d+).*",
            "type": "service",
            "name": FILES,
            "remotePort": ports.files,
            "pathRewrite": {r"^/visafs/\d+/": "/"},
        },
        {
            "match": r"^/ws/print/(\d+).*",
            "type": "service",
            "name": PRINTING,
            "remotePort": ports.printing,
            "pathRewrite": {r"^/ws/print/\d+/": "/socket.io/"},
            "ws": True,
        },
    ]


def beyond(ports: Ports) -> list[dict[str, Any]]:
    """What sites add: notebooks below another path, and a service with WebSockets and no rewrite."""
    return [
        {
            "match": r"^/notebooks/(\d+).*",
            "type": "jupyter",
            "name": NOTEBOOKS,
            "remotePort": ports.jupyter,
            "ws": True,
            "pathRewrite": {r"^/notebooks/(\d+)/": "/jupyter/$1/"},
        },
        {
            "match": r"^/other/(\d+).*",
            "type": "service",
            "name": OTHER,
            "remotePort": ports.other,
            "pathRewrite": {r"^/other/\d+/": "/"},
            "ws": True,
        },
    ]


def write(path: Path, entries: Sequence[dict[str, Any]]) -> Path:
    """As a file."""
    path.write_text(json.dumps(entries, indent=2))
    return path
