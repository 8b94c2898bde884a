"""Values of a chart: their documentation, read from comments, and what follows from it.

In values.yaml, a comment `# -- text` above a key documents it, `# @default -- text` says the default in words, and
`# @schema {..}` adds to what the default tells about the type. The values that all services share are the library's.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ROOT / "charts"
SERVICES = ("jira-proxy", "efd-token", "instance-proxy")
APP_OF_APPS = ROOT / "deploy/argocd/app-of-apps"
INDENT = re.compile(r"^ {4}", re.MULTILINE)
TYPES = {bool: "bool", int: "int", float: "float", str: "string", type(None): "string", dict: "object", list: "list"}


@dataclass
class Value:
    """One key of values.yaml."""

    default: object
    description: str | None = None
    words: str | None = None
    schema: dict = field(default_factory=dict)
    children: dict[str, "Value"] = field(default_factory=dict)

    def shown(self) -> str:
        if self.words is not None:
            return self.words
        return f"`{json.dumps(self.default, separators=(',', ':'), ensure_ascii=False, sort_keys=True)}`".replace("|", "\\|")


def library_text() -> str:
    """The shared values, as a service's own would be written."""
    text = (CHARTS / "nbgate-lib/values.yaml").read_text("utf-8")
    return INDENT.sub("", text.partition("  defaults:\n")[2])


def comment_above(lines: list[str], number: int) -> list[str]:
    """The comment that ends above the line, without its signs, from its last `# --` on."""
    block: list[str] = []
    while number and (found := re.match(r"\s*# ?(.*)$", lines[number - 1])):
        block.insert(0, found[1])
        number -= 1
        if found[1].startswith("-- "):
            return block
    return []


def parse(text: str) -> Value:
    """All of a values.yaml."""
    lines, root = text.splitlines(), yaml.compose(text)

    def value(node: yaml.Node, comment: list[str]) -> Value:
        made = Value(default=yaml.safe_load(yaml.serialize(node)))
        description = []
        for line in comment:
            if line.startswith("@default -- "):
                made.words = line.removeprefix("@default -- ")
            elif line.startswith("@schema "):
                made.schema = json.loads(line.removeprefix("@schema "))
            else:
                description.append(line.removeprefix("-- ").strip())
        made.description = " ".join(description) or None
        if isinstance(node, yaml.MappingNode):
            made.children = {key.value: value(child, comment_above(lines, key.start_mark.line)) for key, child in node.value}
        return made

    return value(root, [])


def laid_over(base: Value, top: Value) -> Value:
    """What Helm makes of imported values and a chart's own."""
    for key, value in top.children.items():
        if key in base.children and value.children and base.children[key].children:
            laid_over(base.children[key], value)
        else:
            base.children[key] = value
    base.default = {key: value.default for key, value in base.children.items()}
    base.description = top.description or base.description
    base.words = top.words or base.words
    base.schema = {**base.schema, **top.schema}
    return base


@cache
def values(chart: Path) -> Value:
    own = parse((chart / "values.yaml").read_text("utf-8"))
    return laid_over(parse(library_text()), own) if chart.name in SERVICES else own


def rows(value: Value, path: str = "", *, documented: bool = False) -> list[str]:
    """Rows of the table that helm-docs would write; below a documented key, only those with a description."""
    found = []
    for key, child in value.children.items():
        name = ".".join(filter(None, [path, f'"{key}"' if "." in key else key]))
        if child.description:
            found.append(f"| {name} | {TYPES[type(child.default)]} | {child.shown()} | {child.description} |")
        elif not child.children and not documented:
            raise SystemExit(f"{name} has no `# --` above it")
        found += rows(child, name, documented=documented or bool(child.description))
    return found


def table(value: Value) -> str:
    head = ["| Key | Type | Default | Description |", "|-----|------|---------|-------------|"]
    return "\n".join([*head, *sorted(rows(value), key=lambda row: row.split(" | ")[0])])
