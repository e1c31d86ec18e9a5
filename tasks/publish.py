"""What a run shows people at its end: a table, and links to what was produced."""

from collections.abc import Iterable
from typing import Any

from prefect.artifacts import acreate_link_artifact, acreate_table_artifact

from eoflows.base.errors import public_url
from eoflows.products.staging import ItemRecord, StagingReport
from eoflows.stores.stac.items import ItemDict, product_type, validity

__all__ = ["human_bytes", "publish_items", "publish_report"]

_ROWS = 200


def human_bytes(size: float) -> str:
    """Write a number of bytes for people, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


async def publish_report(key: str, title: str, report: StagingReport, *, produced: str, table: str) -> None:
    """Publish the outcome per item, failures first, and a link to the products.

    Args:
        key: Artifact key.
        title: What was done and how it ended, in a sentence.
        report: Outcomes.
        produced: Where the products are.
        table: Where the whole table is; empty if there is none.
    """
    records = [*report.failures, *report.others][:_ROWS]
    left_out = report.found + report.summary()["passed_over"] - len(records)
    more = f" {left_out} more items are not shown here." if left_out else ""
    whole = f"\n\nWhole table: `{public_url(table)}`." if table else ""
    description = f"**{title}**{more}{whole}"
    await acreate_table_artifact(_rows(records), key=key, description=description)
    await acreate_link_artifact(
        produced, link_text="Staged products", key=f"{key}-products", description=title
    )


def _rows(records: Iterable[ItemRecord]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            # Names are so long that what follows them is out of sight.
            "outcome": str(record.outcome),
            "size": human_bytes(record.bytes) if record.bytes else "",
            "item": record.item,
            "why": record.reason,
        }
        for record in records
    ]
    return rows or [
        {"outcome": "", "size": "", "item": "nothing found", "why": "the search returned no item"}
    ]


async def publish_items(key: str, title: str, items: Iterable[ItemDict], total: int) -> None:
    """Publish a table of items that a search found."""
    rows: list[dict[str, Any]] = [
        {
            "item": item["id"],
            "type": product_type(item) or "",
            "validity": str(validity(item)),
            "size": human_bytes(sum(int(asset.get("file:size") or 0) for asset in item["assets"].values())),
        }
        for item, _ in zip(items, range(_ROWS), strict=False)
    ]
    more = f" The first {_ROWS} are shown." if total > _ROWS else ""
    none = [{"item": "nothing found", "type": "", "validity": "", "size": ""}]
    await acreate_table_artifact(rows or none, key=key, description=f"**{title}**{more}")
