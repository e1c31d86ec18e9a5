"""The page that a browser gets: collections and the latest items, with nothing fetched from elsewhere."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

from eoflows.base.times import OPEN_END, Interval, format_utc
from eoflows.stores.catalog.interface import CollectionSummary, Item
from eoflows.stores.catalog.stac_documents import Documents
from eoflows.stores.catalog.validity import validity

__all__ = ["page_for_people"]

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>eoflows catalogue</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ font: 15px/1.5 system-ui, sans-serif;
  margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #222 }}
table {{ border-collapse: collapse; width: 100%; margin-bottom: 2rem }}
th, td {{ text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd;
  vertical-align: top }}
td {{ overflow-wrap: anywhere }} .number {{ text-align: right }} a {{ color: #05a }} p {{ color: #666 }}
</style>
<h1>eoflows catalogue</h1>
<p>Read-only STAC API: <a href="{base}/collections">collections</a>, <a href="{base}/search">search</a>,
<a href="{base}/conformance">conformance</a>. Times are UTC.</p>
<h2>Collections</h2>
<table><tr><th>Collection<th class="number">Items<th>From<th>To</tr>{collections}</table>
<h2>Latest items</h2>
<table><tr><th>Item<th>Collection<th>Type<th>Valid<th>Updated</tr>{items}</table>
</html>
"""


def page_for_people(
    documents: Documents, summaries: Sequence[CollectionSummary], latest: Sequence[Item]
) -> str:
    """Give the page as HTML; everything that comes from items is escaped."""
    return _PAGE.format(
        base=escape(documents.base),
        collections="".join(_collection(documents, summary) for summary in summaries) or _empty(4),
        items="".join(_item(documents.item(item)) for item in latest) or _empty(5),
    )


def _collection(documents: Documents, summary: CollectionSummary) -> str:
    links = documents.collection(summary)["links"]
    cells = (_anchor(_href(links, "items"), summary.id), _text(_day(summary.start)), _text(_day(summary.end)))
    return f'<tr><td>{cells[0]}<td class="number">{summary.items}<td>{cells[1]}<td>{cells[2]}</tr>'


def _item(item: Item) -> str:
    properties = item["properties"]
    span = validity(properties)
    cells = (
        _anchor(_href(item["links"], "self"), item["id"]),
        _text(item["collection"]),
        _text(properties.get("product:type", "")),
        _text(str(Interval(*span)) if span and span[0] <= span[1] else ""),
        _text(properties.get("updated", "")),
    )
    return "<tr>" + "".join(f"<td>{cell}" for cell in cells) + "</tr>"


def _href(links: Sequence[dict[str, Any]], rel: str) -> str:
    return next(str(link["href"]) for link in reversed(links) if link["rel"] == rel)


def _anchor(href: str, text: object) -> str:
    return f'<a href="{escape(href)}">{_text(text)}</a>'


def _text(value: object) -> str:
    return escape(str(value))


def _day(time: datetime | None) -> str:
    if time is None:
        return ""
    return "open" if time == OPEN_END else format_utc(time)[:10]


def _empty(columns: int) -> str:
    return f'<tr><td colspan="{columns}">Nothing yet.</tr>'
