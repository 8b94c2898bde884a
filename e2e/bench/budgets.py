"""What a run has to show: one row for each budget, and where it stands."""

import json
from dataclasses import dataclass
from pathlib import Path


Medians = dict[str, dict[str, dict[str, float]]]
"""By size of the body, proxy and figure."""


@dataclass(frozen=True)
class Row:
    """One budget and its figure; smaller is better."""

    key: str
    what: str
    value: float
    budget: float
    unit: str
    met: bool


class Table:
    """The rows of one run."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.medians: Medians = {}

    def add(self, key: str, what: str, value: float, budget: float, unit: str) -> None:
        """Note a figure and whether it keeps its budget."""
        self.rows.append(Row(key, what, round(value, 3), budget, unit, value <= budget))

    @property
    def met(self) -> bool:
        """Whether every budget is kept."""
        return all(row.met for row in self.rows)

    def write(self, path: Path) -> None:
        """As JSON: for each budget its figure, itself and whether it is met; beside it, in rounds.json, what was measured."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = {row.key: {"value": row.value, "budget": row.budget, "unit": row.unit, "met": row.met} for row in self.rows}
        path.write_text(json.dumps(rows, indent=2) + "\n")
        path.with_name("rounds.json").write_text(json.dumps(self.medians, indent=2) + "\n")

    def __str__(self) -> str:
        lines = ["| what | measured | budget | |", "|---|---|---|---|"]
        for row in self.rows:
            mark = "met" if row.met else "MISSED"
            lines.append(f"| {row.what} | {row.value:g} {row.unit} | {row.budget:g} {row.unit} | {mark} |")
        return "\n".join(lines)
