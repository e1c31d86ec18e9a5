"""The report that a staging run leaves beside its files, and the table that is printed of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHOWN_ITEMS = 20
_COUNTS = ("found", "already", "staged", "failed")


@dataclass(frozen=True)
class RunReport:
    """The outcome of one staging run."""

    path: Path
    summary: dict[str, Any]
    """Counts by outcome, and `bytes`."""
    items: list[dict[str, Any]]
    """Per item: `item`, `outcome`, `bytes`, `reason`."""

    @property
    def failed(self) -> int:
        """How many items failed."""
        return int(self.summary["failed"])


def report_files(storage: Path) -> set[Path]:
    """Return the reports of all runs that staged into this folder."""
    return set(storage.glob("*/_runs/*.jsonl"))


def read_report(path: Path) -> RunReport:
    """Read a report: one JSON object per line, items first, the summary last."""
    *items, last = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return RunReport(path, last["summary"], items)


def table(report: RunReport) -> str:
    """Return the counts as a table for a terminal, with the items: failures first."""
    counts = [f"{report.summary[name]:>{len(_title(name))}}" for name in _COUNTS]
    head = "   ".join(_title(name) for name in _COUNTS)
    return "\n".join(["", f"  {head}", f"  {'   '.join(counts)}", "", *_rows(report.items)])


def _title(name: str) -> str:
    return "already there" if name == "already" else name


def _rows(items: list[dict[str, Any]]) -> Iterator[str]:
    ordered = sorted(items, key=lambda item: item["outcome"] != "failed")
    for item in ordered[:SHOWN_ITEMS]:
        size = f"{item['bytes']:,} B" if item.get("bytes") else ""
        reason = f"  ({item['reason']})" if item.get("reason") else ""
        yield f"  {item['outcome']:<13} {size:>15}  {item['item']}{reason}"
    if len(ordered) > SHOWN_ITEMS:
        yield f"  ... and {len(ordered) - SHOWN_ITEMS} more"
