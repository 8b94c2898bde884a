"""What a run has to show: one row for each budget, and where it stands."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


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
        self.context: dict[str, object] = {}

    def add(self, key: str, what: str, value: float, budget: float, unit: str) -> None:
        """Note a figure and whether it keeps its budget."""
        self.rows.append(Row(key, what, round(value, 3), budget, unit, value <= budget))

    @property
    def met(self) -> bool:
        """Whether every budget is kept."""
        return all(row.met for row in self.rows)

    def write(self, path: Path) -> None:
        """As JSON: each budget's key with value, budget and met; and what was measured beside them."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = {row.key: {name: value for name, value in asdict(row).items() if name != "key"} for row in self.rows}
        path.write_text(json.dumps({"budgets": rows, "measured": self.context}, indent=2) + "\n")

    def __str__(self) -> str:
        lines = ["| what | measured | budget | |", "|---|---|---|---|"]
        for row in self.rows:
            mark = "met" if row.met else "MISSED"
            lines.append(f"| {row.what} | {row.value:g} {row.unit} | {row.budget:g} {row.unit} | {mark} |")
        return "\n".join(lines)
