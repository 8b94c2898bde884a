"""What was measured, what was promised, and whether they meet."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

KIB = 1024
MIB = 1024 * 1024


@dataclass(frozen=True)
class Figure:
    """One row of the table; without a limit it is there to be read."""

    scenario: str
    what: str
    value: float
    unit: str
    limit: str
    met: bool | None

    def line(self) -> str:
        """As people read it."""
        verdict = {True: "met", False: "MISSED", None: ""}[self.met]
        return f"{self.scenario:<12} {self.what:<66} {_text(self.value):>14} {self.unit:<8} {self.limit:<16} {verdict}"


class Scenario:
    """Collects figures; what is missed fails the test at the scenario's end, so that the table is whole."""

    def __init__(self, name: str, rows: list[Figure]) -> None:
        self._name = name
        self._rows = rows

    def note(self, what: str, value: float, unit: str = "") -> None:
        """Nothing is promised about it."""
        self._add(what, value, unit, "", None)

    def at_most(self, what: str, value: float, limit: float, unit: str = "") -> None:
        """Promised: no more."""
        self._add(what, value, unit, f"<= {_text(limit)}", value <= limit)

    def at_least(self, what: str, value: float, limit: float, unit: str = "") -> None:
        """Promised: no less; also what shows that a test did what it says."""
        self._add(what, value, unit, f">= {_text(limit)}", value >= limit)

    def exactly(self, what: str, value: float, limit: float, unit: str = "") -> None:
        """Promised: just so."""
        self._add(what, value, unit, f"= {_text(limit)}", value == limit)

    def none(self, what: str, found: list[str]) -> None:
        """Promised: nothing of the kind; the first few are told."""
        self._add("; ".join([what, *found[:5]]), len(found), "", "= 0", not found)

    def _add(self, what: str, value: float, unit: str, limit: str, met: bool | None) -> None:
        self._rows.append(Figure(self._name, what, round(value, 4), unit, limit, met))


class Figures:
    """Of one run."""

    def __init__(self) -> None:
        self.rows: list[Figure] = []

    @contextlib.contextmanager
    def scenario(self, name: str) -> Iterator[Scenario]:
        """Figures of one scenario; at its end, what was missed is an error."""
        first = len(self.rows)
        yield Scenario(name, self.rows)
        missed = [row.line() for row in self.rows[first:] if row.met is False]
        assert not missed, "\n".join(["not as promised:", *missed])

    def write(self, path: Path, seconds: int) -> None:
        """For programs: all rows, and whether every promise was kept."""
        rows = [asdict(row) for row in self.rows]
        kept = all(row.met is not False for row in self.rows)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"seconds": seconds, "met": kept, "figures": rows}, indent=1) + "\n")


def _text(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".") if value % 1 else f"{value:,.0f}"


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
