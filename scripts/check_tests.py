#!/usr/bin/env python3
"""Check that every test that a document names is there: a promise whose test was renamed or removed is none.

A test's name is told by its looks: in backticks, lower case, at least three underscores.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = re.compile(r"`(?:\w+::)*([a-z][a-z0-9]*(?:_[a-z0-9]+){3,})`")
FUNCTION = re.compile(r"\b(?:fn|def) +([a-z0-9_]+)")
FOLDERS = ("crates", "e2e", "fuzz", "scripts/charts/checks")


def main() -> int:
    """Print what is named and not there; exit with 1 if anything is."""
    sources = [path for folder in FOLDERS for kind in ("*.rs", "*.py") for path in (ROOT / folder).rglob(kind)]
    known = {name for path in sources for name in FUNCTION.findall(path.read_text())} | {path.stem for path in sources}
    known |= {name for path in sources for name in re.findall(r'"([a-z0-9_]+)"', path.read_text())}
    named = 0
    missing = []
    for document in sorted((ROOT / "docs").rglob("*.md")):
        for number, line in enumerate(document.read_text().splitlines(), 1):
            for name in NAME.findall(line):
                named += 1
                if name not in known:
                    missing.append(f"{document.relative_to(ROOT)}:{number}: `{name}` is not there")
    print("\n".join([*missing, f"{named} tests and the like are named, {len(missing)} are not there"]))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
