"""Configuration files, written as an operator would: only what is not the default."""

import json
from collections.abc import Iterator, Mapping


def dumps(document: Mapping[str, object]) -> str:
    """The document as TOML; a list of tables becomes an array of tables."""
    return "\n".join(_lines(document, ())) + "\n"


def _lines(table: Mapping[str, object], path: tuple[str, ...]) -> Iterator[str]:
    """Values first: what follows a table's head belongs to that table."""
    for key, value in table.items():
        if not _is_tables(value):
            yield f"{key} = {json.dumps(value)}"  # of strings, numbers, booleans and lists of them, JSON is TOML
    for key, value in table.items():
        inner = (*path, key)
        if isinstance(value, Mapping):
            yield from ("", f"[{'.'.join(inner)}]", *_lines(value, inner))
        elif _is_tables(value):
            for entry in value:
                yield from ("", f"[[{'.'.join(inner)}]]", *_lines(entry, inner))


def _is_tables(value: object) -> bool:
    """Whether it has a head of its own."""
    if isinstance(value, (list, tuple)):
        return any(isinstance(entry, Mapping) for entry in value)
    return isinstance(value, Mapping)
