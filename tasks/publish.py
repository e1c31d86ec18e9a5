"""Tables of products: what became of each, and what a search found."""

from dataclasses import replace
from typing import Any, TypeVar

from eoflows.base.errors import InvalidInputError, public_url
from eoflows.products.staging import ItemRecord, StagingReport
from eoflows.stores.stac.items import ItemDict, product_type, validity
from eoflows.tasks.outcome import Outcome, Row

__all__ = ["human_bytes", "item_row", "product_row", "with_report"]

Result = TypeVar("Result")


def human_bytes(size: float) -> str:
    """Write a number of bytes for people, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def with_report(outcome: Outcome[Result], report: StagingReport, table: str = "") -> Outcome[Result]:
    """Give an outcome with a row per item, failures first.

    Args:
        outcome: How it ended.
        report: What became of each item.
        table: Where the whole table is; empty if there is none.
    """
    records = [*report.failures, *report.others]
    return replace(
        outcome,
        rows=[product_row(record) for record in records],
        attention=len(report.failures),
        total=report.found + report.summary()["passed_over"],
        nothing={"outcome": "", "size": "", "item": "nothing found", "why": "the search returned no item"},
        below=f"\n\nWhole table: `{public_url(table)}`." if table else "",
    )


def product_row(record: ItemRecord) -> dict[str, Any]:
    """Give the row of a product; names are so long that what follows them is out of sight."""
    size = human_bytes(record.bytes) if record.bytes else ""
    return {"outcome": str(record.outcome), "size": size, "item": record.item, "why": record.reason}


def item_row(item: ItemDict) -> Row:
    """Give the row of an item that a search found."""
    return {
        "item": item["id"],
        "type": product_type(item) or "",
        "validity": _validity(item),
        "size": human_bytes(sum(map(_size, item["assets"].values()))),
    }


def _validity(item: ItemDict) -> str:
    try:
        return str(validity(item))
    except InvalidInputError as error:
        return f"unknown: {error}"


def _size(asset: Any) -> int:
    size = asset.get("file:size")
    return size if isinstance(size, int) else 0
