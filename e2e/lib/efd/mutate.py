"""Statements that nobody would think of: those of the corpus, cut, spliced and garbled, the same in every run."""

import random
from collections.abc import Callable, Iterator

from lib.efd.statements import HARMLESS, HOSTILE

_PIECES = [
    *(";", "; ", "--", "-- \n", "/*", "*/", "'", '"', "`", "\\", "\\'", '\\"', "/", "(", ")", ",", "."),
    *("..", "=~", "!~", "\n", "\r", "\t", "\x00", "\x0b", "\u00a0", "\ufeff", "\u017f", "\u0131", "\U0001f608"),
    *(" INTO evil ", " into ", "INTO", " FROM ", "SELECT * ", "EXPLAIN ", "EXPLAIN ANALYZE ", "SHOW ", "DROP "),
    *("CREATE DATABASE evil", "DELETE ", "GRANT ALL TO efdreader", "secret..payroll", '"secret"', " ON secret"),
    *("$d", ":MEASUREMENT", "1h", "now()"),
]
_LONGEST = 4_000


def sample(count: int, seed: int) -> Iterator[str]:
    """So many texts."""
    chance = random.Random(seed)
    corpus = [
        text for text in (*HARMLESS, *(text for group in HOSTILE.values() for text in group)) if len(text) < _LONGEST
    ]
    # Half of them grow from what may pass: what is refused for one reason may hide that it would pass for another.
    for _ in range(count):
        text = chance.choice(HARMLESS if chance.random() < 0.5 else corpus)
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5))):
            text = chance.choice(_WAYS)(text, corpus, chance)
        yield text[:_LONGEST]


def _insert(text: str, _: list[str], chance: random.Random) -> str:
    place = chance.randint(0, len(text))
    return text[:place] + chance.choice(_PIECES) + text[place:]


def _delete(text: str, _: list[str], chance: random.Random) -> str:
    begin = chance.randint(0, len(text))
    return text[:begin] + text[begin + chance.choice((1, 1, 2, 8)) :]


def _replace(text: str, _: list[str], chance: random.Random) -> str:
    place = chance.randint(0, len(text))
    return text[:place] + chance.choice(_PIECES) + text[place + 1 :]


def _repeat(text: str, _: list[str], chance: random.Random) -> str:
    begin = chance.randint(0, len(text))
    end = min(len(text), begin + chance.randint(1, 30))
    return text[:end] + text[begin:end] + text[end:]


def _splice(text: str, corpus: list[str], chance: random.Random) -> str:
    other = chance.choice(corpus)
    return text[: chance.randint(0, len(text))] + other[chance.randint(0, len(other)) :]


def _append(text: str, corpus: list[str], chance: random.Random) -> str:
    return text + chance.choice((";", " ", "\n", "--", "/*", "")) + chance.choice(corpus)


def _swap_case(text: str, _: list[str], chance: random.Random) -> str:
    return "".join(letter.swapcase() if chance.random() < 0.3 else letter for letter in text)


def _one_character(text: str, _: list[str], chance: random.Random) -> str:
    place = chance.randrange(len(text)) if text else 0
    return text[:place] + chr(chance.choice((chance.randrange(128), chance.randrange(0x3000)))) + text[place + 1 :]


_WAYS: list[Callable[[str, list[str], random.Random], str]] = [
    _insert,
    _insert,
    _delete,
    _replace,
    _repeat,
    _splice,
    _append,
    _swap_case,
    _one_character,
]
