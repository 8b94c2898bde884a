#!/usr/bin/env python3
"""Check that every relative link in the repository's Markdown leads to a file, and every anchor to a heading.

Needs no network and looks at no URL. Exits with 1 and one line per broken link.
"""

import re
import subprocess
import sys
import unicodedata
from functools import cache
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
HEADING = re.compile(r"^ {0,3}#{1,6} +(.*?)(?: +#+)?$")
# [text](target "title"), ![text](target), [name]: target, <a href="target">, <img src="target">
LINK = re.compile(r"""\]\(\s*<?([^)\s>]+)>?(?:\s+["'][^)]*)?\)|^ {0,3}\[[^\]]+\]:\s*(\S+)|\b(?:href|src)="([^"]+)\"""")


def markdown_files() -> list[Path]:
    """Files that are in the repository or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout
    return sorted(ROOT / name for name in listed.split("\0") if name and (ROOT / name).exists())


@cache
def prose(file: Path) -> tuple[tuple[int, str], ...]:
    """Numbered lines outside code blocks, inline code blanked out."""
    lines, fence = [], None
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if found := FENCE.match(line):
            fence = None if fence and found[1].startswith(fence) else fence or found[1]
        elif not fence:
            lines.append((number, line))
    return tuple(lines)


@cache
def anchors(file: Path) -> frozenset[str]:
    """What headings are called in URLs: lower case, punctuation left out, spaces to hyphens, repeats numbered."""
    names: list[str] = []
    for _, line in prose(file):
        if heading := HEADING.match(line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            kept = (c for c in text if c in " -_" or unicodedata.category(c)[0] in "LN")
            names.append("".join(kept).replace(" ", "-"))
    return frozenset(
        name + (f"-{names[:at].count(name)}" if name in names[:at] else "") for at, name in enumerate(names)
    )


def broken(file: Path, target: str) -> str | None:
    """Why `target` leads nowhere, if so."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target, re.IGNORECASE):
        return None
    path, _, anchor = target.partition("#")
    where = file if not path else (ROOT if path.startswith("/") else file.parent) / unquote(path).lstrip("/")
    if not where.exists():
        return "no such file"
    if not where.resolve().is_relative_to(ROOT):
        return "leads out of the repository"
    if anchor and where.suffix == ".md" and unquote(anchor) not in anchors(where.resolve()):
        return "no such heading"
    return None


def main() -> int:
    files, links, problems = markdown_files(), 0, []
    for file in files:
        for number, line in prose(file):
            for match in LINK.finditer(re.sub(r"`[^`]*`", "", line)):
                target = next(part for part in match.groups() if part)
                links += 1
                if why := broken(file, target):
                    problems.append(f"{file.relative_to(ROOT)}:{number}: {target}: {why}")
    print("\n".join([*problems, f"{links} links in {len(files)} files, {len(problems)} broken"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
