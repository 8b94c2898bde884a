#!/usr/bin/env python3
"""Check that the operators' page of each service lists every configuration key, with its default.

Compares crates/<service>/config/default.toml with the section "Every key" of docs/operations/<service>.md, both ways. Exits with
1 and one line per difference.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Commented-out keys are keys without a default; their example is not compared.
TABLE = re.compile(r"^(?:# )?\[\[?([a-z_.]+)\]\]?$")
KEY = re.compile(r"^(# )?([a-z_]+) = (.*)$")
CODE = re.compile(r"`([^`]*)`")


def configured(toml: str) -> dict[tuple[str, str], str | None]:
    """(table, key) to its default, None if it has none."""
    table, keys = "", {}
    for line in toml.splitlines():
        if found := TABLE.match(line):
            table = found[1]
        elif found := KEY.match(line):
            comment, key, value = found.groups()
            if not comment or (table, key) not in keys:
                keys[table, key] = None if comment else value
    return keys


def documented(page: str) -> dict[tuple[str, str], list[str]]:
    """(table, key) to the code in its row beside the key's name."""
    table, keys = "", {}
    section = page.partition("\n## Every key\n")[2].partition("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("### "):
            table = CODE.findall(line)[0].strip("[]")
        elif line.startswith("| `"):
            cells = line.split(" | ")
            names, values = CODE.findall(cells[0]), CODE.findall(" | ".join(cells[1:]))
            for at, name in enumerate(names):
                # Two keys in one row have their defaults in the same order.
                keys[table, name] = values[at:at + 1] if len(names) > 1 else values
    return keys


def differences(defaults: Path, page: Path) -> list[str]:
    wanted, found = configured(defaults.read_text("utf-8")), documented(page.read_text("utf-8"))
    where = page.relative_to(ROOT)
    problems = [f"{where}: [{table}] {key} is missing" for table, key in wanted.keys() - found.keys()]
    problems += [f"{where}: [{table}] {key} is no key" for table, key in found.keys() - wanted.keys()]
    for (table, key), value in wanted.items():
        if value is not None and value not in found.get((table, key), [value]):
            problems.append(f"{where}: [{table}] {key} has default {value}")
    return sorted(problems)


def main() -> int:
    pairs = [(path, ROOT / "docs/operations" / f"{path.parent.parent.name}.md") for path in ROOT.glob("crates/*/config/default.toml")]
    problems = [problem for defaults, page in pairs for problem in differences(defaults, page)]
    print("\n".join([*problems, f"configuration keys of {len(pairs)} service(s), {len(problems)} difference(s) to the documentation"]))
    return 1 if problems or not pairs else 0


if __name__ == "__main__":
    sys.exit(main())
