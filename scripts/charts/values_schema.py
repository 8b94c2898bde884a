"""The schema of a chart's values: of Helm's own from values.yaml, of `config` from the service's default.toml and its page.

default.toml has every key, with its default or an example; the page says which ones are required (scripts/check_keys.py holds
the two together). So a key that the service does not know, or a value of another type, is refused before anything is installed.
"""

import json
import re
import tomllib
from pathlib import Path

from chartvalues import ROOT, SERVICES, Value, values

HEADER = re.compile(r"^(?:# )?(?=\[\[?[a-z_.]+\]\]?$)", re.MULTILINE)
KEY = re.compile(r"^(# )?([a-z_]+) = ")
URL = re.compile(r"(^|_)url$|^issuer$|^endpoint$")
KINDS = {bool: "boolean", int: "integer", str: "string"}


def of_example(key: str, example: object) -> dict:
    """What one value tells about those that may stand there."""
    if isinstance(example, dict):
        return {
            "type": "object",
            "properties": {name: of_example(name, value) for name, value in example.items()},
            "additionalProperties": False,
        }
    if isinstance(example, list):
        tables = [entry for entry in example if isinstance(entry, dict)]
        items = of_example(key, merged(tables)) if tables else {"type": "string"}
        return {"type": "array", "items": items}
    made = {"type": KINDS[type(example)]}
    if URL.search(key):
        # A user name and a password in front of the host would be in a ConfigMap.
        made["pattern"] = "^https?://[^/?#@]*([/?#]|$)"
    if made["type"] == "integer":
        made["minimum"] = 0
    if key.endswith("port"):
        made["maximum"] = 65535
    return made


def merged(tables: list[dict]) -> dict:
    """All keys of several examples of one table."""
    made: dict = {}
    for entry in tables:
        for key, value in entry.items():
            both = isinstance(value, dict) and isinstance(made.get(key), dict)
            made[key] = merged([made[key], value]) if both else value
    return made


def required_keys(page: str) -> list[tuple[str, list[str], str, list[str]]]:
    """(kind of table, its path, key, identity kinds) for each key that the page calls required."""
    found, path, repeated = [], [], False
    for line in page.partition("\n## Every key\n")[2].partition("\n## ")[0].splitlines():
        if heading := re.match(r"### `(\[\[?)([a-z_.]+)\]", line):
            repeated, path = heading[1] == "[[", heading[2].split(".")
        cells = [cell.strip(" |") for cell in line.split(" | ")]
        if not line.startswith("| `") or "required" not in cells:
            continue
        kinds = [] if cells.index("required") == 1 or cells[1] in {"", "all"} else cells[1].split(", ")
        found.append(("list" if repeated else "table", path, cells[0].strip("`"), kinds))
    return found


def require(config: dict, path: list[str], key: str, kinds: list[str]) -> None:
    """Makes one key required, where its table is there."""
    at = config
    for name in path:
        at = at["properties"][name]
        at = at.get("items", at)
    if not kinds:
        at.setdefault("required", []).append(key)
    for kind in kinds:
        condition = {"if": {"properties": {"kind": {"const": kind}}}, "then": {"required": [key]}}
        at.setdefault("allOf", []).append(condition)


def complete(toml: str) -> dict:
    """A default.toml with what is commented out: keys that have no default, with their examples, and further tables."""
    lines = []
    for table in HEADER.split(toml):
        keys = [(line, found) for line in table.splitlines() if (found := KEY.match(line))]
        set_here = {found[2] for _, found in keys if not found[1]}
        lines += [line for line in table.splitlines()[:1] if line.startswith("[")]
        lines += [line.removeprefix("# ") for line, found in keys if not found[1] or found[2] not in set_here]
    return tomllib.loads("\n".join(lines))


def of_config(service: str) -> dict:
    example = complete((ROOT / f"crates/{service}/config/default.toml").read_text("utf-8"))
    config = of_example("config", example)
    for kind, path, key, kinds in required_keys((ROOT / f"docs/operations/{service}.md").read_text("utf-8")):
        require(config, path, key, kinds)
        if kind == "table" and len(path) > 1:
            # A table that must say something must be there.
            require(config, path[:-1], path[-1], [])
    identity = config["properties"]["identity"]["items"]
    identity["properties"]["kind"] = {"enum": sorted({entry["kind"] for entry in example["identity"]})}
    return config


def of_value(value: Value) -> dict:
    """From the default and what `# @schema` adds."""
    made: dict = {"description": value.description} if value.description else {}
    if isinstance(value.default, dict):
        made["type"] = "object"
        # Where `# @schema` says what may be there, the default is one case of it.
        if value.children and "additionalProperties" not in value.schema:
            made["properties"] = {key: of_value(child) for key, child in value.children.items()}
        made["additionalProperties"] = False
    elif isinstance(value.default, list):
        made["type"] = "array"
    else:
        made["type"] = KINDS[type(value.default)]
    return {**made, **value.schema}


def schema(chart: Path) -> str:
    whole = of_value(values(chart))
    if chart.name in SERVICES:
        config, own = of_config(chart.name), whole["properties"]["config"]
        for key, value in config["properties"].items():
            described = own["properties"].get(key, {})
            own["properties"][key] = {**value, **({"description": described["description"]} if described else {})}
        # What Helm puts there: the library's own values, and those of all charts. What a site writes there would have no effect.
        helms = {"exports": {"type": "object"}, "global": {"type": "object"}}
        whole["properties"]["nbgate-lib"] = {"type": "object", "properties": helms, "additionalProperties": False}
        whole["properties"]["global"]["additionalProperties"] = True
    definitions = json.loads((Path(__file__).parent / "definitions.json").read_text("utf-8"))
    text = json.dumps(whole)
    used = {name: definition for name, definition in definitions.items() if f"#/$defs/{name}" in text}
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": f"Values of the chart {chart.name}"}
    return json.dumps({**head, **whole, **({"$defs": used} if used else {})}, indent=2) + "\n"
